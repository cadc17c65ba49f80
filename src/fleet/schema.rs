//! The JSON schema of the fleet file, for editors that complete and check TOML. Made of the forms, like everything else.

use serde_json::{Map, Value, json};

use super::form::{Form, Key, Kind, Need, ROOT, Variant};

/// The schema (JSON Schema, draft 2020-12).
pub fn schema() -> Value {
    let mut schema = table(&ROOT);
    if let Value::Object(object) = &mut schema {
        object.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        object.insert("title".into(), ROOT.doc.into());
    }
    schema
}

fn table(form: &'static Form) -> Value {
    if form.variants.is_empty() {
        return object(form, None);
    }
    let variants: Vec<Value> = form.variants.iter().map(|variant| object(form, Some(variant))).collect();
    json!({ "description": form.doc, "type": "object", "oneOf": variants })
}

fn object(form: &'static Form, variant: Option<&'static Variant>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in form.keys_with(variant) {
        let property = match variant {
            Some(variant) if key.name == "kind" => json!({ "const": variant.word, "description": variant.doc }),
            _ => property(key),
        };
        properties.insert(key.name.into(), property);
        if key.need == Need::Required {
            required.push(key.name);
        }
    }
    let mut object = json!({
        "description": variant.map_or(form.doc, |variant| variant.doc),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    let groups = form.any_of.iter().copied().chain(variant.map(|v| v.any_of).filter(|group| !group.is_empty()));
    let groups: Vec<Value> = groups
        .map(|group| json!({ "anyOf": group.iter().map(|name| json!({ "required": [name] })).collect::<Vec<_>>() }))
        .collect();
    if let (Value::Object(object), false) = (&mut object, groups.is_empty()) {
        object.insert("allOf".into(), groups.into());
    }
    object
}

fn property(key: &'static Key) -> Value {
    let mut property = kind(&key.kind);
    if let Value::Object(object) = &mut property {
        object.insert("description".into(), key.doc.into());
        if let Need::Default(text) = key.need
            && let Ok(toml::Value::Table(mut table)) = format!("value = {text}").parse::<toml::Table>().map(Into::into)
            && let Some(default) = table.remove("value").and_then(|value| serde_json::to_value(value).ok())
        {
            object.insert("default".into(), default);
        }
    }
    property
}

fn kind(of: &'static Kind) -> Value {
    const DURATION: &str = r"^\s*[0-9._]+\s*(ms|s|m|min|h|d)\s*$";
    match of {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Count(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::WordOr(words, other) => json!({ "anyOf": [{ "enum": words }, kind(other)] }),
        Kind::Blank(other) => json!({ "anyOf": [{ "const": "" }, kind(other)] }),
        Kind::Duration(..) => json!({ "type": "string", "pattern": DURATION }),
        Kind::Cidr => json!({ "type": "string", "pattern": "/[0-9]+$" }),
        Kind::Url(schemes) | Kind::Template(Kind::Url(schemes)) => {
            json!({ "type": "string", "pattern": starts(schemes) })
        }
        Kind::Name => json!({ "type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$" }),
        Kind::List(least, item) => json!({ "type": "array", "items": kind(item), "minItems": least }),
        Kind::Table(form) => table(form),
        Kind::Named(form) => json!({ "type": "object", "additionalProperties": table(form) }),
        Kind::Map(value) => json!({ "type": "object", "additionalProperties": kind(value) }),
        Kind::Either(kinds) => json!({ "anyOf": kinds.iter().map(kind).collect::<Vec<_>>() }),
        Kind::Json => json!({}),
        _ => json!({ "type": "string", "minLength": 1 }),
    }
}

fn starts(schemes: &[&str]) -> String {
    let schemes: Vec<String> = schemes.iter().map(|scheme| scheme.replace('+', "\\+")).collect();
    format!("^({})://", schemes.join("|"))
}
