//! Mutants: what was valid, changed in one place or in a few.
//!
//! Of protobuf the tree is changed and written whole again, so that a change deep inside is read
//! deep inside; sometimes the bytes are, for the decoder itself. Words and numbers come from all
//! seeds and survivors together: an id that one message defines gets into another that uses it.

mod json;

use crate::wire::{self, Field, Value};
use simulator::engine::Chance;
use std::collections::BTreeSet;

/// Longer ones are cut: nothing is learned from size that a limit would not have refused.
const LENGTH_MAX: usize = 1 << 16;
/// Words that are remembered, at most, and their greatest length.
const WORDS_MAX: usize = 2_048;
const WORD_BYTES_MAX: usize = 64;
/// Numbers at which something begins or ends.
const NUMBERS: [u64; 20] = [
    0,
    1,
    2,
    3,
    7,
    10,
    99,
    100,
    500,
    1_000,
    1_500,
    4_096,
    86_400_000,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 53,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX,
];

/// What bytes look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Protobuf, whatever the schema.
    Wire,
    /// Lines of text.
    Text,
    /// What JSON can say.
    Json,
    /// Anything.
    Bytes,
}

/// Makes mutants of one form.
#[derive(Debug)]
pub struct Mutator {
    form: Form,
    chance: Chance,
    words: BTreeSet<Vec<u8>>,
    word_list: Vec<Vec<u8>>,
}

impl Mutator {
    /// Decided by the seed.
    pub fn new(form: Form, seed: u64) -> Self {
        let (words, word_list) = (BTreeSet::new(), Vec::new());
        Self { form, chance: Chance::new(seed, 1), words, word_list }
    }

    /// Remembers the words of an input.
    pub fn learn(&mut self, input: &[u8]) {
        let mut found = Vec::new();
        match self.form {
            Form::Wire => {
                let fields = wire::read(input).unwrap_or_default();
                fields.iter().for_each(|field| words_of(field, &mut found));
            }
            Form::Text | Form::Json => {
                found.extend(input.split(|byte| !byte.is_ascii_alphanumeric()).map(<[u8]>::to_vec))
            }
            Form::Bytes => {}
        }
        for word in found {
            let fits = (1..=WORD_BYTES_MAX).contains(&word.len()) && self.words.len() < WORDS_MAX;
            if fits && self.words.insert(word.clone()) {
                self.word_list.push(word);
            }
        }
    }

    /// A mutant of one of the pool, which is not empty.
    pub fn mutant(&mut self, pool: &[Vec<u8>]) -> Vec<u8> {
        let mut input = pool[self.chance.index(pool.len())].clone();
        let other = &pool[self.chance.index(pool.len())];
        // Mostly one, at most eight.
        let doublings = self.chance.below(4);
        let changes = 1 + self.chance.below(1 << doublings);
        for _ in 0..changes {
            input = self.change(input, other);
            input.truncate(LENGTH_MAX);
        }
        input
    }

    /// One change; now and then to the bytes alone, whatever they mean.
    fn change(&mut self, input: Vec<u8>, other: &[u8]) -> Vec<u8> {
        if !self.chance.per_mille(100) {
            match self.form {
                Form::Wire => {
                    if let Some(fields) = wire::read(&input) {
                        return wire::write(&self.change_tree(fields, other));
                    }
                }
                Form::Json => {
                    if let Ok(value) = serde_json::from_slice(&input) {
                        return self.change_json(value).to_string().into_bytes();
                    }
                }
                Form::Text => return self.change_text(input, other),
                Form::Bytes => {}
            }
        }
        self.change_bytes(input, other)
    }

    fn number(&mut self, old: u64) -> u64 {
        match self.chance.below(6) {
            0 => old.wrapping_add(1),
            1 => old.wrapping_sub(1),
            2 => self.chance.below(8),
            3 => old ^ (1 << self.chance.below(64)),
            4 => old.wrapping_neg(),
            _ => *self.chance.pick(&NUMBERS).expect("there are some"),
        }
    }

    fn word(&mut self) -> Vec<u8> {
        let Some(word) = self.chance.pick(&self.word_list) else { return Vec::new() };
        word.clone()
    }

    /// One change to a level of the tree that is drawn on the way down.
    fn change_tree(&mut self, mut fields: Vec<Field>, other: &[u8]) -> Vec<Field> {
        if fields.is_empty() {
            return self.graft(fields, other);
        }
        let at = self.chance.index(fields.len());
        if let Value::Message(inner) = &mut fields[at].value
            && !self.chance.per_mille(250)
        {
            let inner_fields = std::mem::take(inner);
            *inner = self.change_tree(inner_fields, other);
            return fields;
        }
        match self.chance.below(12) {
            0 => drop(fields.remove(at)),
            1 => {
                let copy = fields[at].clone();
                fields.insert(at, copy);
            }
            2 => {
                let with = self.chance.index(fields.len());
                fields.swap(at, with);
            }
            3 => return self.graft(fields, other),
            4 => fields[at].number = 1 + self.chance.below(24),
            5 => {
                let count = self.chance.index(fields.len() - at) + 1;
                let run: Vec<_> = fields[at..at + count].to_vec();
                fields.extend(run);
            }
            _ => self.change_value(&mut fields[at].value),
        }
        fields
    }

    fn change_value(&mut self, value: &mut Value) {
        match value {
            Value::Varint(number) => *number = self.number(*number),
            Value::Fixed64(bytes) => {
                *bytes = self.number(u64::from_le_bytes(*bytes)).to_le_bytes();
            }
            Value::Fixed32(bytes) => {
                let number = self.number(u32::from_le_bytes(*bytes).into());
                bytes.copy_from_slice(&number.to_le_bytes()[..4]);
            }
            Value::Bytes(bytes) if self.chance.per_mille(700) => *bytes = self.word(),
            Value::Bytes(bytes) => *bytes = self.change_bytes(std::mem::take(bytes), b""),
            Value::Message(fields) if self.chance.per_mille(200) => fields.clear(),
            Value::Message(fields) => {
                let fields = std::mem::take(fields);
                *value = Value::Message(self.change_tree(fields, b""));
            }
        }
    }

    /// A field of another input, of any depth, in a place drawn here.
    fn graft(&mut self, mut fields: Vec<Field>, other: &[u8]) -> Vec<Field> {
        let mut from = wire::read(other).unwrap_or_default();
        while !from.is_empty() {
            let field = from.swap_remove(self.chance.index(from.len()));
            match field.value {
                Value::Message(inner) if self.chance.per_mille(600) => from = inner,
                _ => {
                    let at = self.chance.index(fields.len() + 1);
                    fields.insert(at, field);
                    break;
                }
            }
        }
        fields
    }

    fn change_bytes(&mut self, mut input: Vec<u8>, other: &[u8]) -> Vec<u8> {
        if input.is_empty() {
            input.push(self.chance.number().to_le_bytes()[0]);
            return input;
        }
        let at = self.chance.index(input.len());
        let count = 1 + self.chance.index((input.len() - at).min(64));
        match self.chance.below(8) {
            0 => input[at] ^= 1 << self.chance.below(8),
            1 => input[at] = self.chance.number().to_le_bytes()[0],
            2 => drop(input.drain(at..at + count)),
            3 => {
                let part = input[at..at + count].to_vec();
                drop(input.splice(at..at, part));
            }
            4 => input.truncate(at),
            5 => {
                let number = self.number(0).to_le_bytes();
                for (to, byte) in input[at..].iter_mut().zip(number) {
                    *to = byte;
                }
            }
            6 if !other.is_empty() => {
                let from = self.chance.index(other.len());
                let part = &other[from..other.len().min(from + count)];
                drop(input.splice(at..at, part.iter().copied()));
            }
            _ => input.insert(at, *self.chance.pick(b"\0\x7f\x80\xff\n ").expect("some")),
        }
        input
    }

    /// Words, numbers and lines change places; what is left is changed as bytes.
    fn change_text(&mut self, input: Vec<u8>, other: &[u8]) -> Vec<u8> {
        let mut lines: Vec<Vec<u8>> = input.split(|byte| *byte == b'\n').map(Vec::from).collect();
        let at = self.chance.index(lines.len());
        match self.chance.below(8) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => {
                let with = self.chance.index(lines.len());
                lines.swap(at, with);
            }
            3 => {
                let others: Vec<&[u8]> = other.split(|byte| *byte == b'\n').collect();
                let line = self.chance.pick(&others).map(|line| line.to_vec());
                lines.insert(at, line.unwrap_or_default());
            }
            4 | 5 => lines[at] = self.change_word(&lines[at].clone()),
            _ => return self.change_bytes(input, other),
        }
        lines.join(&b'\n')
    }

    fn change_word(&mut self, line: &[u8]) -> Vec<u8> {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric();
        let mut parts: Vec<Vec<u8>> =
            line.chunk_by(|a, b| is_word(a) == is_word(b)).map(Vec::from).collect();
        let words: Vec<usize> =
            (0..parts.len()).filter(|at| parts[*at].first().is_some_and(is_word)).collect();
        let Some(&at) = self.chance.pick(&words) else { return line.to_vec() };
        let old = std::str::from_utf8(&parts[at]).ok().and_then(|text| text.parse().ok());
        parts[at] = match old {
            Some(number) if self.chance.per_mille(700) => {
                self.number(number).to_string().into_bytes()
            }
            _ => self.word(),
        };
        parts.concat()
    }
}

fn words_of(field: &Field, to: &mut Vec<Vec<u8>>) {
    match &field.value {
        Value::Bytes(bytes) => to.push(bytes.clone()),
        Value::Message(fields) => fields.iter().for_each(|field| words_of(field, to)),
        Value::Varint(_) | Value::Fixed64(_) | Value::Fixed32(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_mutants() {
        let pool = [wire::write(&[wire::varint(1, 5), wire::bytes(2, b"agent-1".to_vec())])];
        let draw = |seed| {
            let mut mutator = Mutator::new(Form::Wire, seed);
            mutator.learn(&pool[0]);
            (0..50).map(|_| mutator.mutant(&pool)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn most_mutants_of_messages_are_messages_again() {
        let pool = [wire::write(&[wire::varint(1, 5), wire::bytes(2, b"agent-1".to_vec())])];
        let mut mutator = Mutator::new(Form::Wire, 1);
        let whole = (0..1_000).filter(|_| wire::read(&mutator.mutant(&pool)).is_some()).count();
        assert!((700..1_000).contains(&whole), "{whole}");
    }
}
