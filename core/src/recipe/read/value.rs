//! One value of the tree, as serde asks for it. Never fails over a value: it notes and gives something harmless.

use std::cell::RefCell;

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::{ABSENT, Notes, Stopped, below};
use crate::yaml::{Entry, Node, Value};

/// A value to be read, or one that is not there.
pub(super) struct Reading<'a> {
    node: Option<&'a Node>,
    path: String,
    notes: &'a RefCell<Notes>,
}

impl<'a> Reading<'a> {
    pub(super) fn root(node: &'a Node, notes: &'a RefCell<Notes>) -> Reading<'a> {
        Reading {
            node: Some(node),
            path: String::new(),
            notes,
        }
    }

    fn below(&self, node: Option<&'a Node>, path: String) -> Reading<'a> {
        Reading {
            node,
            path,
            notes: self.notes,
        }
    }

    /// Notes that the value is not what is wanted. One that is not there is noted already.
    fn wanted(&self, wanted: &str) {
        let Some(node) = self.node else { return };
        let is = match &node.value {
            Value::Empty => "has no value".to_owned(),
            Value::Text(text) => format!("is {text:?}"),
            Value::List(_) => "is a list".to_owned(),
            Value::Map(_) => "is a section".to_owned(),
        };
        let why = format!("{is}, but must {wanted}");
        self.notes.borrow_mut().found(node.line, &self.path, why);
    }

    fn text(&self) -> Option<&'a str> {
        match &self.node?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn list(&self) -> &'a [Node] {
        match self.node.map(|node| &node.value) {
            Some(Value::List(items)) => items,
            None => &[],
            _ => {
                self.wanted("be a list, each entry after a `-`");
                &[]
            }
        }
    }

    fn map(&self, keys: &[&str]) -> &'a [Entry] {
        match self.node.map(|node| &node.value) {
            Some(Value::Map(entries)) => entries,
            None => &[],
            _ if keys.is_empty() => {
                self.wanted("be a section of lines `key: value`");
                &[]
            }
            _ => {
                self.wanted(&format!("have keys of its own: {}", keys.join(", ")));
                &[]
            }
        }
    }

    /// Notes where a key stands.
    fn at(&self, path: &str, line: usize) {
        let mut notes = self.notes.borrow_mut();
        notes.lines.by_path.insert(path.to_owned(), line);
    }

    fn number(&self, least: i128, most: i128) -> i128 {
        let number = self.text().and_then(|text| text.parse().ok());
        number
            .filter(|number| (least..=most).contains(number))
            .unwrap_or_else(|| {
                self.wanted(&format!("be a whole number from {least} to {most}"));
                least.max(0)
            })
    }

    /// The entries of a section with a fixed set of keys: the known ones, then those that are known to be missing.
    fn fields(&self, known: &'static [&'static str]) -> Vec<(String, Option<&'a Node>)> {
        let mut found = Vec::new();
        for entry in self.map(known) {
            let path = below(&self.path, &entry.key);
            if known.contains(&entry.key.as_str()) {
                self.at(&path, entry.line);
                found.push((entry.key.clone(), Some(&entry.value)));
            } else {
                let mut notes = self.notes.borrow_mut();
                notes.unknown(entry.line, &path, &entry.key, known);
            }
        }
        let usable = matches!(self.node.map(|node| &node.value), Some(Value::Map(_)));
        let notes = self.notes.borrow();
        for key in known {
            // Of a section that is not one, every key is absent, and that is noted already.
            let absent = !usable || notes.missing.contains(&below(&self.path, key));
            if absent && !found.iter().any(|(there, _)| there == key) {
                found.push(((*key).to_owned(), ABSENT));
            }
        }
        found
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty,)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stopped> {
            let number = self.number(<$type>::MIN.into(), <$type>::MAX.into());
            visitor.$visit(<$type>::try_from(number).unwrap_or_default())
        })*
    };
}

impl<'de> Deserializer<'de> for Reading<'de> {
    type Error = Stopped;

    numbers! {
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_i64 visit_i64 i64,
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stopped> {
        let said = self.text().and_then(|text| text.parse().ok());
        visitor.visit_bool(said.unwrap_or_else(|| {
            self.wanted("be true or false");
            false
        }))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stopped> {
        match self.text() {
            Some(text) => visitor.visit_borrowed_str(text),
            None => {
                self.wanted("be one line of text");
                visitor.visit_borrowed_str("")
            }
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stopped> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stopped> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stopped> {
        match self.node {
            None => visitor.visit_none(),
            Some(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stopped> {
        visitor.visit_seq(Items {
            items: self.list().iter(),
            of: self,
            number: 0,
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stopped> {
        let entries = self.map(&[]).iter().map(|entry| {
            self.at(&below(&self.path, &entry.key), entry.line);
            (entry.key.clone(), Some(&entry.value))
        });
        visitor.visit_map(Fields::new(entries.collect(), self))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stopped> {
        let (notes, path) = (self.notes, self.path.clone());
        let read = visitor.visit_map(Fields::new(self.fields(fields), self));
        if let Err(Stopped(_, Some(field))) = &read {
            notes.borrow_mut().missing.insert(below(&path, field));
        }
        // Whoever is around has nothing missing by this.
        read.map_err(|stopped| Stopped(stopped.0, None))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stopped> {
        let text = self.text();
        let said = variants.iter().copied().find(|word| Some(*word) == text);
        let first = variants.first().copied().unwrap_or_default();
        visitor.visit_enum(Word(said.unwrap_or_else(|| {
            self.wanted(&format!("be one of {}", variants.join(", ")));
            first
        })))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stopped> {
        match self.node.map(|node| &node.value) {
            None | Some(Value::Empty) => visitor.visit_unit(),
            Some(Value::Text(text)) => visitor.visit_borrowed_str(text),
            Some(Value::List(_)) => self.deserialize_seq(visitor),
            Some(Value::Map(_)) => {
                // One of several shapes: what does not fit says so by itself, and nothing can be read in its place.
                let (notes, path, line) = (
                    self.notes,
                    self.path.clone(),
                    self.node.map_or(1, |node| node.line),
                );
                self.deserialize_map(visitor).map_err(|stopped| {
                    if !stopped.0.is_empty() {
                        notes.borrow_mut().found(line, &path, stopped.0);
                    }
                    Stopped(String::new(), None)
                })
            }
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stopped> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stopped> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

/// The entries of a section.
struct Fields<'a> {
    entries: std::vec::IntoIter<(String, Option<&'a Node>)>,
    of: Reading<'a>,
    next: Option<(String, Option<&'a Node>)>,
}

impl<'a> Fields<'a> {
    fn new(entries: Vec<(String, Option<&'a Node>)>, of: Reading<'a>) -> Fields<'a> {
        Fields {
            entries: entries.into_iter(),
            of,
            next: None,
        }
    }
}

impl<'a> MapAccess<'a> for Fields<'a> {
    type Error = Stopped;

    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Stopped> {
        self.next = self.entries.next();
        let Some((key, _)) = &self.next else {
            return Ok(None);
        };
        let key = de::value::StringDeserializer::new(key.clone());
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, Stopped> {
        let (key, node) = self.next.take().unwrap_or_default();
        seed.deserialize(self.of.below(node, below(&self.of.path, &key)))
    }
}

/// The entries of a list.
struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
    of: Reading<'a>,
    number: usize,
}

impl<'a> SeqAccess<'a> for Items<'a> {
    type Error = Stopped;

    fn next_element_seed<S: DeserializeSeed<'a>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Stopped> {
        let Some(node) = self.items.next() else {
            return Ok(None);
        };
        let path = format!("{}[{}]", self.of.path, self.number);
        self.number += 1;
        self.of.at(&path, node.line);
        seed.deserialize(self.of.below(Some(node), path)).map(Some)
    }
}

/// One of a few words.
struct Word(&'static str);

impl<'a> EnumAccess<'a> for Word {
    type Error = Stopped;
    type Variant = Word;

    fn variant_seed<S: DeserializeSeed<'a>>(self, seed: S) -> Result<(S::Value, Word), Stopped> {
        let word = de::value::StrDeserializer::new(self.0);
        Ok((seed.deserialize(word)?, self))
    }
}

impl<'a> VariantAccess<'a> for Word {
    type Error = Stopped;

    fn unit_variant(self) -> Result<(), Stopped> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'a>>(self, _: S) -> Result<S::Value, Stopped> {
        Err(de::Error::custom("a choice is a word only"))
    }

    fn tuple_variant<V: Visitor<'a>>(self, _: usize, _: V) -> Result<V::Value, Stopped> {
        Err(de::Error::custom("a choice is a word only"))
    }

    fn struct_variant<V: Visitor<'a>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Stopped> {
        Err(de::Error::custom("a choice is a word only"))
    }
}
