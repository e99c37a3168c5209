//! The published JSON schema of a load report, made from the types themselves so
//! that it cannot say anything else than they do.

use crate::LoadReport;

/// The JSON Schema (draft 2020-12) of what `tonnage load --json` writes.
pub fn load_report_schema() -> String {
    let schema = schemars::schema_for!(LoadReport);
    // A schema is a JSON value with string keys.
    serde_json::to_string_pretty(&schema).expect("a schema can be written as JSON") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_SCHEMA=1 cargo test -p tonnage-model schema` writes the file anew.
    #[test]
    fn the_published_schema_is_that_of_the_types() {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/load-report.schema.json"
        );
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(file, load_report_schema()).unwrap();
        }
        let published = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            published == load_report_schema(),
            "docs/load-report.schema.json is out of date: UPDATE_SCHEMA=1 cargo test -p tonnage-model schema"
        );
    }

    #[test]
    fn it_describes_every_field_and_its_unit() {
        let schema: serde_json::Value = serde_json::from_str(&load_report_schema()).unwrap();
        let properties = schema["properties"].as_object().unwrap();
        let whole = LoadReport {
            server: Some(crate::ServerSide::default()),
            server_unknown: Some(String::new()),
            ..LoadReport::default()
        };
        let report = serde_json::to_value(whole).unwrap();
        for field in report.as_object().unwrap().keys() {
            let described = properties[field]["description"].as_str();
            let referred = &properties[field]["$ref"];
            assert!(described.is_some() || referred.is_string(), "{field}");
        }
        assert_eq!(properties.len(), report.as_object().unwrap().len());
    }
}
