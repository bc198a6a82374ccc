//! Schemas of the shapes that write themselves: ids, cursors, numbers, byte strings. The derived ones stand beside their shapes.
//! Describes what is really sent, for whoever documents an interface; nothing here checks a value.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type,
};
use utoipa::{PartialSchema, ToSchema};

use crate::bytestring::ByteString;
use crate::cursor::Cursor;
use crate::event::EventId;
use crate::frame::{Offset, Seq};
use crate::id::{CommandId, EventLogId, GroupId, TaskId};

/// A string of this form.
fn text(pattern: &str, description: &str) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
    text.description(Some(description)).into()
}

/// A whole number from 0.
fn number(description: &str) -> RefOr<Schema> {
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    let number = number.format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
    number.description(Some(description)).into()
}

macro_rules! schema {
    ($name:ident, $schema:expr) => {
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}

schema!(TaskId, text(ID, "Names a task."));
schema!(GroupId, text(ID, "Names a group: tasks spawned together."));
schema!(CommandId, text(ID, "Names a command, chosen by whoever asks."));
schema!(EventLogId, text(ID, "Names a log of events."));
schema!(EventId, text(EVENT_ID, "An event's place in the log; opaque."));
schema!(Cursor, text(CURSOR, "A place in a session's frames; opaque."));
schema!(Seq, number("A frame's number in its session, from 0."));
schema!(Offset, number("A byte's place in the child's output."));
schema!(ByteString, byte_string());

/// 16 characters of the alphabet without i, l, o, u.
const ID: &str = "^[0-9a-hjkmnp-tv-z]{16}$";
const EVENT_ID: &str = "^[0-9a-hjkmnp-tv-z]{16}-[0-9]+$";
const CURSOR: &str = "^[0-9]+:[0-9]+(:[0-9]+|:[0-9]*:[0-9]+)?$";

/// A string, or the base64 of what is no text.
fn byte_string() -> RefOr<Schema> {
    let plain = ObjectBuilder::new().schema_type(Type::String);
    let base64 = ObjectBuilder::new().schema_type(Type::String).content_encoding("base64");
    let other = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("base64", base64)
        .required("base64")
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
    let either = OneOfBuilder::new().item(plain).item(other);
    either.description(Some("Bytes: a string where they are UTF-8.")).into()
}
