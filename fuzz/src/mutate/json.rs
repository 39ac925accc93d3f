//! JSON keeps its form, so that what is read is the content and not the brackets.

use super::Mutator;
use serde_json::{Map, Value};

/// Texts that mean something to whoever makes paths, names or strings of the kernel of them.
const TEXTS: &[&str] = &["", ".", "..", "/", "/a/../b", "a/b", "a\0b", "a=b", "a b", "\n", "é"];

impl Mutator {
    /// One change somewhere.
    pub(super) fn change_json(&mut self, value: Value) -> Value {
        match value {
            Value::Object(map) if !map.is_empty() => Value::Object(self.change_object(map)),
            Value::Array(mut list) if !list.is_empty() => {
                let at = self.chance.index(list.len());
                match self.chance.below(8) {
                    0 => drop(list.remove(at)),
                    1 => list.insert(at, list[at].clone()),
                    _ => list[at] = self.change_json(list[at].take()),
                }
                Value::Array(list)
            }
            Value::Number(number) => match self.chance.below(4) {
                0 => (-1).into(),
                _ => self.number(number.as_u64().unwrap_or(0)).into(),
            },
            Value::String(_) if self.chance.per_mille(500) => {
                (*self.chance.pick(TEXTS).expect("there are some")).into()
            }
            Value::String(text) if self.chance.per_mille(500) => {
                let changed = self.change_bytes(text.into_bytes(), b"");
                String::from_utf8_lossy(&changed).into()
            }
            Value::Bool(truth) => (!truth).into(),
            _ => String::from_utf8_lossy(&self.word()).into(),
        }
    }

    fn change_object(&mut self, mut map: Map<String, Value>) -> Map<String, Value> {
        let keys: Vec<String> = map.keys().cloned().collect();
        let key = self.chance.pick(&keys).expect("it is not empty").clone();
        let value = map.remove(&key).unwrap_or_default();
        match self.chance.below(12) {
            0 => {}
            1 => {
                let key = String::from_utf8_lossy(&self.word()).into_owned();
                map.insert(key, value);
            }
            2 => {
                map.insert(key, Value::Null);
            }
            _ => {
                map.insert(key, self.change_json(value));
            }
        }
        map
    }
}
