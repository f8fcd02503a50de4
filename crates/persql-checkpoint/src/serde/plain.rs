//! Objects in the forms that other formats have for them.

use persql_core::Result;

use super::data::{Class, Data, Ext, Map};
use super::object::Object;

/// An extension value without its class, one level of it. An extension that is not LangGraph's stays what it is.
///
/// Where text is the usual form, it is text: a UUID with its hyphens, a date and a time as in ISO 8601, a path.
pub(super) fn plain(ext: &Ext) -> Result<Data> {
    Ok(match Object::from_ext(ext)? {
        Some(object) => of_object(object),
        None => Data::Ext(ext.clone()),
    })
}

/// An object without its class.
pub(super) fn of_object(object: Object) -> Data {
    match object {
        Object::Single { class, arg } if class.is("uuid", "UUID") => hyphenated(arg),
        Object::Single { arg, .. } | Object::Method { arg, .. } => arg,
        Object::Positional { class, args } => positional(&class, args),
        Object::Keyword { class, fields } if class.is("datetime", "time") => {
            time(&fields).map_or(Data::Map(fields), Data::Str)
        }
        Object::Keyword { fields, .. } => fields.into(),
        Object::PydanticV1 { fields, .. } | Object::PydanticV2 { fields, .. } => fields,
        Object::Array { dtype, shape, order, data } => Map::from([
            ("dtype", Data::from(dtype)),
            ("shape", shape.into_iter().collect()),
            ("order", order.into()),
            ("data", Data::Bytes(data)),
        ])
        .into(),
        Object::DeltaSnapshot(value) => value,
    }
}

fn positional(class: &Class, args: Vec<Data>) -> Data {
    let text = match (class.module.as_str(), class.name.as_str()) {
        ("datetime", "date") => date(&args),
        ("pathlib" | "pathlib._local", "PosixPath" | "Path") => path(&args),
        ("langgraph.types", "Send") => {
            let names = ["node", "arg", "timeout"];
            return names.into_iter().zip(args).collect::<Map>().into();
        }
        // JavaScript's `new Set(items)`, and what older Python versions wrote in JSON.
        ("" | "builtins" | "collections", "Set" | "set" | "frozenset" | "deque") => {
            return args.into_iter().next().unwrap_or_else(|| Data::List(Vec::new()));
        }
        ("uuid", "UUID") | ("decimal", "Decimal") => {
            return args.into_iter().next().map_or(Data::Nil, hyphenated);
        }
        _ => None,
    };
    text.map_or(Data::List(args), Data::Str)
}

/// 32 hexadecimal digits with the hyphens of a UUID; anything else as it is.
fn hyphenated(digits: Data) -> Data {
    let Data::Str(text) = &digits else { return digits };
    let parts = [text.get(..8), text.get(8..12), text.get(12..16), text.get(16..20), text.get(20..32)];
    match parts.into_iter().collect::<Option<Vec<_>>>() {
        Some(parts) if text.len() == 32 => Data::Str(parts.join("-")),
        _ => digits,
    }
}

fn date(args: &[Data]) -> Option<String> {
    let [year, month, day] = args else { return None };
    Some(format!("{:04}-{:02}-{:02}", year.as_u64()?, month.as_u64()?, day.as_u64()?))
}

/// `None` if it has a time zone, for which there is no text.
fn time(fields: &Map) -> Option<String> {
    let number = |key| fields.get(key).and_then(Data::as_u64);
    let text = format!("{:02}:{:02}:{:02}", number("hour")?, number("minute")?, number("second")?);
    match (number("microsecond")?, fields.get("tzinfo")) {
        (_, Some(zone)) if !zone.is_nil() => None,
        (0, _) => Some(text),
        (microsecond, _) => Some(format!("{text}.{microsecond:06}")),
    }
}

fn path(parts: &[Data]) -> Option<String> {
    let parts = parts.iter().map(Data::as_str).collect::<Option<Vec<_>>>()?;
    Some(match parts.split_first() {
        Some((&"/", rest)) => format!("/{}", rest.join("/")),
        Some(_) => parts.join("/"),
        None => ".".to_owned(),
    })
}
