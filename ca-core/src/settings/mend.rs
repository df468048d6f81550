//! Taking one fault after the other out of a copy, to see the next.

use std::collections::{BTreeMap, BTreeSet};

use figment::Figment;
use figment::error::{Error, Kind};
use figment::value::{Dict, Value};
use serde::de::DeserializeOwned;

use super::{Fault, Reading, nearest};

/// More faults than anyone reads.
const MOST: usize = 100;

type Path = Vec<String>;

struct Mending<'a> {
    file: &'a str,
    figment: &'a Figment,
    value: Value,
    faults: Vec<Fault>,
    /// Keys whose values were taken out or made up, as the file numbers them: what is wrong there was told.
    told: BTreeSet<Path>,
    /// What was taken out of lists: places in each, as the file numbers them.
    gone: BTreeMap<Path, BTreeSet<usize>>,
    /// Whether only unknown keys were taken out.
    exact: bool,
}

pub(super) fn read<T: DeserializeOwned>(file: &str, value: Value, figment: &Figment) -> Reading<T> {
    let (faults, told, gone) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
    let mut mending = Mending { file, figment, value, faults, told, gone, exact: true };
    for _ in 0..MOST {
        let error = match mending.value.deserialize::<T>() {
            Ok(value) => return Reading { value: Some(value).filter(|_| mending.exact), faults: mending.faults },
            Err(error) => error,
        };
        if !mending.mend::<T>(error) {
            break;
        }
    }
    Reading { value: None, faults: mending.faults }
}

impl Mending<'_> {
    /// Notes a fault and takes it out; `false` if that cannot be done.
    fn mend<T: DeserializeOwned>(&mut self, error: Error) -> bool {
        let Error { mut path, kind, .. } = error;
        match kind {
            Kind::UnknownField(key, known) => {
                if path.last() != Some(&key) {
                    path.push(key.clone());
                }
                self.note(&path, "unknown-key", |at| match nearest(&key, known) {
                    Some(near) => format!("{at}: there is no such key; the nearest is {near}"),
                    None => format!("{at}: there is no such key"),
                });
                self.remove(&path)
            }
            Kind::MissingField(key) => {
                path.push(key.into_owned());
                self.exact = false;
                self.note(&path, "missing-key", |at| format!("{at}: it is missing"));
                self.told.insert(self.in_the_file(&path));
                self.make_up::<T>(&path)
            }
            Kind::UnknownVariant(word, known) => {
                self.exact = false;
                self.note(&path, "unknown-word", |at| {
                    let near = nearest(&word, known).unwrap_or_default();
                    format!("{at}: {word:?} is not known; the nearest is {near:?}")
                });
                self.take_out(&path)
            }
            kind => {
                self.exact = false;
                let name = if matches!(kind, Kind::Message(_)) { "value" } else { "type" };
                self.note(&path, name, |at| format!("{at}: {kind}"));
                self.take_out(&path)
            }
        }
    }

    fn take_out(&mut self, path: &[String]) -> bool {
        let told = self.in_the_file(path);
        let removed = self.remove(path);
        self.told.insert(told);
        removed
    }

    /// A path as the file numbers it: what was taken out of a list before it counts.
    fn in_the_file(&self, path: &[String]) -> Path {
        let mut original = Path::new();
        for step in path {
            let place = self.gone.get(&original).zip(step.parse::<usize>().ok()).map(|(gone, place)| {
                // In ascending order: each that stood before it moved it up by one.
                gone.iter().fold(place, |place, gone| if *gone <= place { place + 1 } else { place })
            });
            original.push(place.map_or_else(|| step.clone(), |place| place.to_string()));
        }
        original
    }

    /// Tells a fault, unless what is wrong there was told already.
    fn note(&mut self, path: &[String], name: &'static str, what: impl FnOnce(&str) -> String) {
        let path = self.in_the_file(path);
        if (1..=path.len()).any(|length| self.told.contains(&path[..length])) {
            return;
        }
        let from = self.figment.find_metadata(&path.join(".")).map(|metadata| &metadata.name);
        let aside = from.filter(|from| from.contains("environment")).map(|from| format!(" (from {from})"));
        let what = what(&spelt(&path)) + &aside.unwrap_or_default();
        self.faults.push(Fault::new(self.file, name, what));
    }

    fn remove(&mut self, path: &[String]) -> bool {
        let Some((last, parents)) = path.split_last() else { return false };
        let mut original = self.in_the_file(path);
        match parent(&mut self.value, parents) {
            Some(Value::Dict(_, dict)) => dict.remove(last).is_some(),
            Some(Value::Array(_, array)) => match last.parse::<usize>() {
                Ok(at) if at < array.len() => {
                    array.remove(at);
                    let place: Option<usize> = original.pop().and_then(|place| place.parse().ok());
                    self.gone.entry(original).or_default().extend(place);
                    true
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Puts something of the right kind where nothing is.
    fn make_up<T: DeserializeOwned>(&mut self, path: &[String]) -> bool {
        // The last stands for a hash.
        let texts = ["127.0.0.1:1", "x", "1.2.3", &"0".repeat(64)].map(Value::from);
        let mut tries: Vec<Value> = texts.into_iter().collect();
        tries.extend([Value::from(1), Value::from(false), Value::from(Vec::<Value>::new()), Value::from(Dict::new())]);
        while let Some(attempt) = tries.pop() {
            if !self.put(path, attempt) {
                return false;
            }
            match self.value.deserialize::<T>() {
                Ok(_) => return true,
                Err(error) if error.path != path => return true,
                // A missing key inside of it: it is a table.
                Err(Error { kind: Kind::MissingField(_), .. }) => return true,
                Err(Error { kind: Kind::UnknownVariant(_, known), .. }) => {
                    tries.extend(known.first().map(|word| Value::from(*word)));
                }
                Err(_) => {}
            }
        }
        false
    }

    fn put(&mut self, path: &[String], value: Value) -> bool {
        let Some((last, parents)) = path.split_last() else { return false };
        let Some(Value::Dict(_, dict)) = parent(&mut self.value, parents) else { return false };
        dict.insert(last.clone(), value);
        true
    }
}

fn parent<'v>(mut value: &'v mut Value, path: &[String]) -> Option<&'v mut Value> {
    for step in path {
        value = match value {
            Value::Dict(_, dict) => dict.get_mut(step)?,
            Value::Array(_, array) => array.get_mut(step.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(value)
}

/// `identity[1].oid`: as people say it, counted from 1. A plain value in a list goes by the name of the list.
fn spelt(path: &[String]) -> String {
    let mut text = String::new();
    for (place, step) in path.iter().enumerate() {
        match step.parse::<usize>() {
            Ok(at) if place > 0 && place + 1 < path.len() => text.push_str(&format!("[{}]", at + 1)),
            Ok(_) if place > 0 => {}
            _ if place == 0 => text.push_str(step),
            _ => {
                text.push('.');
                text.push_str(step);
            }
        }
    }
    text
}
