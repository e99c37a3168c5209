//! Where a body ends when a request says it wrongly, twice, or so that somebody before us
//! may have read it otherwise.

use super::*;

#[test]
fn lengths() {
    use Refusal::{ContentLength, ContentTooLarge, Repeated};
    for value in [
        "",
        "+5",
        "-5",
        "-0",
        "0x5",
        "5 5",
        "5,",
        "5, 5",
        "5,5",
        "5,6",
        "5.0",
        "5e1",
        "5;q=1",
        "five",
        "0b1",
        "-123456789123456789123456789",
        "13 37",
        "5\u{a0}",
        "1_000",
        "\u{b2}",
        "\u{665}",
        "5\t6",
        "'5'",
        "\"5\"",
    ] {
        fields_refused(
            format!("Content-Length: {value}\r\n").as_bytes(),
            ContentLength,
        );
    }
    for (first, second) in [("5", "5"), ("5", "6"), ("5", ""), ("0", "5")] {
        let fields = format!("Content-Length: {first}\r\nA: b\r\ncontent-length: {second}\r\n");
        fields_refused(fields.as_bytes(), Repeated(Known::ContentLength));
    }
    fields_refused(b"Content-Length: 1073741825\r\n", ContentTooLarge);
    fields_refused(b"Content-Length: 18446744073709551615\r\n", ContentTooLarge);
    fields_refused(b"Content-Length: 18446744073709551621\r\n", ContentTooLarge);
    let without = Limits {
        body_bytes: 0,
        ..Limits::default()
    };
    let input = b"POST / HTTP/1.0\r\nContent-Length: 99999999999999999999\r\n\r\n";
    refused_with(input, &without, ContentTooLarge);
    fields_refused(
        b"Content-Type: a\r\nContent-Type: a\r\n",
        Repeated(Known::ContentType),
    );
}

#[test]
fn transfer_codings() {
    use Refusal::{
        CodingInOldVersion, FieldValue, LengthAndCoding, TransferCoding, UnsupportedTransferCoding,
    };
    for (value, refusal) in [
        (&b""[..], TransferCoding),
        (b",", TransferCoding),
        (b"chunked,", TransferCoding),
        (b",chunked", TransferCoding),
        (b"chunked, chunked", TransferCoding),
        (b"chunked,chunked,chunked", TransferCoding),
        (b"chunked, gzip", TransferCoding),
        (b"chunked, identity", TransferCoding),
        (b"chunked, foo", TransferCoding),
        (b"gzip", TransferCoding),
        (b"gzip, deflate", TransferCoding),
        (b"identity", TransferCoding),
        (b"identity, chunked", TransferCoding),
        (b"gzip, chunked", UnsupportedTransferCoding),
        (b"GZIP,chunked", UnsupportedTransferCoding),
        (b"foo", UnsupportedTransferCoding),
        (b"foo, chunked", UnsupportedTransferCoding),
        (b"chunke", UnsupportedTransferCoding),
        (b"chunkedd", UnsupportedTransferCoding),
        (b"xchunked", UnsupportedTransferCoding),
        (b"chunkedchunked", UnsupportedTransferCoding),
        (b"deflate, chunked", UnsupportedTransferCoding),
        (b"chunked;q=1", UnsupportedTransferCoding),
        (b"\"chunked\"", UnsupportedTransferCoding),
        (b"chun ked", UnsupportedTransferCoding),
        (b"chunked chunked", UnsupportedTransferCoding),
        (b"chunked\xa0", UnsupportedTransferCoding),
        (b"chunked\0", FieldValue),
        (b"\x0bchunked", FieldValue),
    ] {
        fields_refused(
            &[&b"Transfer-Encoding: "[..], value, b"\r\n"].concat(),
            refusal,
        );
    }
    for (first, second, refusal) in [
        ("chunked", "chunked", TransferCoding),
        ("chunked", "identity", TransferCoding),
        ("chunked", "", TransferCoding),
        ("", "chunked", TransferCoding),
        ("gzip", "chunked", UnsupportedTransferCoding),
        ("x", "chunked", UnsupportedTransferCoding),
    ] {
        let fields = format!("Transfer-Encoding: {first}\r\nTransfer-Encoding: {second}\r\n");
        fields_refused(fields.as_bytes(), refusal);
    }
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "transfer-encoding: CHUNKED\r\ncontent-length: 0\r\n",
        "Content-Length: x\r\nTransfer-Encoding: y\r\n",
        "Transfer-Encoding:\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: identity\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nTransfer-Encoding:\r\nTransfer-Encoding:\r\n",
    ] {
        fields_refused(fields.as_bytes(), LengthAndCoding);
    }
    refused(
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        CodingInOldVersion,
    );
}

/// A field that another reader may have taken for one, or for none: whatever we made of it,
/// the two would disagree on where the request ends.
#[test]
fn hidden_fields() {
    for field in ["Content-Length: 38", "Transfer-Encoding: chunked"] {
        for (before, between, refusal) in [
            ("X: a", "\n", Refusal::BareLineFeed),
            ("X:", "\n", Refusal::BareLineFeed),
            ("X", "\n", Refusal::BareLineFeed),
            ("X: a", "\r", Refusal::BareCarriageReturn),
            ("X:", "\r", Refusal::BareCarriageReturn),
            ("X: a", "\r\r\n", Refusal::BareCarriageReturn),
            ("X: a", "\n\r\n", Refusal::BareLineFeed),
            ("X: a\r\n", "\r", Refusal::BareCarriageReturn),
            ("X: a", "\r\n ", Refusal::ObsoleteFolding),
            ("X: a", "\r\n\t", Refusal::ObsoleteFolding),
            ("X: a\r\n", "\0", Refusal::FieldName),
            ("X: a\r\n", "\x0b", Refusal::FieldName),
            ("X: a\r\n", "\u{feff}", Refusal::FieldName),
            ("X: a\r\n", "(", Refusal::FieldName),
            ("X: a", "\0", Refusal::FieldValue),
            ("X: a", "\x0b", Refusal::FieldValue),
        ] {
            fields_refused(format!("{before}{between}{field}\r\n").as_bytes(), refusal);
        }
        let (name, value) = field.split_once(": ").unwrap();
        for (name_end, refusal) in [
            (" :", Refusal::SpaceBeforeColon),
            ("\t:", Refusal::SpaceBeforeColon),
            ("\r\n :", Refusal::MissingColon),
            ("\r:", Refusal::MissingColon),
            ("\n:", Refusal::BareLineFeed),
            ("\0:", Refusal::FieldName),
            (";:", Refusal::FieldName),
        ] {
            fields_refused(format!("{name}{name_end} {value}\r\n").as_bytes(), refusal);
        }
        // What looks like it to who takes `_` for `-` is told apart by its underscore.
        let alike = field.replace('-', "_");
        let input = format!("POST / HTTP/1.1\r\nHost: a\r\n{alike}\r\n\r\n");
        let head = accepted(input.as_bytes(), &Limits::default());
        assert_eq!(head.meaning.framing, Framing::None);
        assert!(head.fields.iter().any(|field| field.has_underscore));
    }
}
