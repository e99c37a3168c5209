//! Messages on their way: JSON → protobuf → frame, and back.

use bytes::{BufMut as _, Bytes, BytesMut};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, SerializeOptions};
use serde_json::Value;
use tonnage_model::did_you_mean;

use super::error::GrpcError;
use super::method::GrpcMethod;

/// A frame's head: whether it is compressed, and the length of the message.
pub(crate) const FRAME_HEAD_BYTES: usize = 5;

impl GrpcMethod {
    /// The frame of a request; an empty text stands for the empty message.
    pub(crate) fn request(&self, json: &[u8]) -> Result<Bytes, GrpcError> {
        let input = self.method.input();
        let message = if json.is_empty() {
            DynamicMessage::new(input)
        } else {
            read(&input, json).map_err(|problem| GrpcError::Message {
                message: input.full_name().to_owned(),
                problem,
            })?
        };
        Ok(frame(&message))
    }

    /// The message of a response as JSON: names in `lowerCamelCase`, every field
    /// that has a value or a default, 64-bit integers as numbers. `None` where
    /// `frame` is not one uncompressed message of this kind.
    pub(crate) fn response(&self, frame: &[u8]) -> Option<Vec<u8>> {
        let message = DynamicMessage::decode(self.method.output(), open(frame)?).ok()?;
        let mut json = Vec::new();
        let options = SerializeOptions::new()
            .skip_default_fields(false)
            .stringify_64_bit_integers(false);
        message
            .serialize_with_options(&mut serde_json::Serializer::new(&mut json), &options)
            .ok()?;
        Some(json)
    }
}

/// A message, framed.
pub(super) fn frame(message: &impl prost::Message) -> Bytes {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(FRAME_HEAD_BYTES + length);
    frame.put_u8(0);
    frame.put_u32(length as u32);
    // Fails only where there is no room.
    let _ = message.encode(&mut frame);
    frame.freeze()
}

/// The message in a frame, where it is all of it.
pub(super) fn open(frame: &[u8]) -> Option<&[u8]> {
    let (head, message) = frame.split_first_chunk::<FRAME_HEAD_BYTES>()?;
    let [0, length @ ..] = *head else {
        return None;
    };
    (u32::from_be_bytes(length) as usize == message.len()).then_some(message)
}

fn read(input: &MessageDescriptor, json: &[u8]) -> Result<DynamicMessage, String> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    DynamicMessage::deserialize(input.clone(), &mut reader)
        .and_then(|message| reader.end().map(|()| message))
        .map_err(|error| match serde_json::from_slice(json) {
            Err(no_json) => format!("it is no JSON: {no_json}"),
            Ok(value) => misfit(input, &value, "").unwrap_or_else(|| error.to_string()),
        })
}

/// The first field that does not fit, and why. `path` leads to `value`.
fn misfit(message: &MessageDescriptor, value: &Value, path: &str) -> Option<String> {
    let Value::Object(fields) = value else {
        let place = if path.is_empty() { "it" } else { path };
        return Some(format!("{place} must be an object, such as {{}}"));
    };
    for (name, value) in fields {
        let place = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        let named = |field: &FieldDescriptor| field.name() == name || field.json_name() == name;
        let Some(field) = message.fields().find(named) else {
            let known: Vec<_> = message.fields().collect();
            let known: Vec<&str> = known.iter().map(FieldDescriptor::name).collect();
            return Some(match known[..] {
                [] => format!("there is no field `{place}`, nor any other"),
                _ => format!(
                    "there is no field `{place}`; {}",
                    did_you_mean(name, &known)
                ),
            });
        };
        let alone = Value::Object([(name.clone(), value.clone())].into_iter().collect());
        let Err(error) = DynamicMessage::deserialize(message.clone(), alone) else {
            continue;
        };
        let deeper = match field.kind() {
            Kind::Message(inner) if !is_well_known(&inner) && !field.is_map() => match value {
                Value::Array(items) => items
                    .iter()
                    .enumerate()
                    .find_map(|(index, item)| misfit(&inner, item, &format!("{place}[{index}]"))),
                value => misfit(&inner, value, &place),
            },
            _ => None,
        };
        return Some(deeper.unwrap_or_else(|| format!("`{place}`: {error}")));
    }
    None
}

/// Whether a message has JSON of its own kind (a timestamp is a text).
fn is_well_known(message: &MessageDescriptor) -> bool {
    message.full_name().starts_with("google.protobuf.")
}
