//! Writes types and maps of events as TypeScript, one file for each room.
//! A type is written as those need it who meet it: what clients send may leave out what has a
//! default, what they get leaves out what serde skips. One that is sent and got, and is not the
//! same both ways, is written twice: `Signal`, `SignalSent`.

mod events;
mod proof;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{Content, Field, Model, Shape, Tagging, Type, Variant, inner},
    table::{BY_HAND, GAMES, NAMESPACES, RENAMED},
};

/// Who writes a type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    Got,
    Sent,
}

pub(crate) struct Render<'a> {
    model: &'a Model,
    /// What was written, by room, name and way; empty while it is being written.
    done: BTreeMap<(String, String, Way), String>,
    /// Room and name of what is not the same both ways.
    split: BTreeSet<(String, String)>,
    /// For a room, what it takes from others.
    imports: BTreeMap<String, BTreeSet<(String, String)>>,
    /// What stands behind the types of a room.
    maps: BTreeMap<String, String>,
}

const HEAD: &str = "// Written by `make types` from shared/src/api: change it there.\n";

const REPLY: &str = "
/** Any JSON: what only the game knows. */
export type Json = unknown;

/** A request was refused, and nothing changed. */
export interface Refused extends Refusal {
  ok: false;
}

/** The answer in an acknowledgement. */
export type Reply<T> = ({ ok: true } & T) | Refused;

/** The acknowledgement of a request: its last argument. */
export type Ack<T> = (reply: Reply<T>) => void;

/** One binary attachment: in browsers an `ArrayBuffer` comes, in Node a `Buffer`. */
export type Bytes = ArrayBuffer | Uint8Array;
";

impl<'a> Render<'a> {
    /// The files of all namespaces and games, by their names.
    pub(crate) fn all(model: &'a Model) -> BTreeMap<String, String> {
        let mut split = BTreeSet::new();
        loop {
            let n_split = split.len();
            let (done, imports, maps) = Default::default();
            let mut render = Self { model, done, split, imports, maps };
            render.write_all();
            render.note_splits();
            if render.split.len() == n_split {
                let samples = render.samples();
                let mut files = render.files();
                files.insert("../../test/samples.ts".to_owned(), samples);
                return files;
            }
            split = render.split;
        }
    }

    fn write_all(&mut self) {
        self.reach("api", "Refusal", Way::Got);
        self.maps.entry("api".to_owned()).or_default().push_str(REPLY);
        NAMESPACES.iter().for_each(|namespace| self.namespace(namespace));
        for game in GAMES {
            game.written.iter().for_each(|name| self.reach(game.room, name, Way::Sent));
            game.read.iter().for_each(|name| self.reach(game.room, name, Way::Got));
        }
        let spoken = ["matchmaking", "signal"];
        for room in ["api"].into_iter().chain(GAMES.iter().map(|game| game.room)).chain(spoken) {
            self.words(room, "code", "Code", "Codes of refusals.");
            self.words(room, "reason", "Reason", "Words in `Outcome.reason`, beside Parlor's own.");
        }
    }

    fn note_splits(&mut self) {
        for ((room, name, way), sent) in &self.done {
            let got = self.done.get(&(room.clone(), name.clone(), Way::Got));
            if *way == Way::Sent && got.is_some_and(|got| got != sent) {
                self.split.insert((room.clone(), name.clone()));
            }
        }
    }

    fn files(self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for ((room, name, way), text) in &self.done {
            let file = files.entry(format!("{room}.ts")).or_insert_with(|| self.head(room));
            let is_got = self.done.contains_key(&(room.clone(), name.clone(), Way::Got));
            let is_other = self.split.contains(&(room.clone(), name.clone()));
            if *way == Way::Got || is_other || !is_got {
                file.push_str(text);
            }
        }
        for (room, text) in &self.maps {
            files.entry(format!("{room}.ts")).or_insert_with(|| self.head(room)).push_str(text);
        }
        files.into_iter().map(|(name, text)| (name, self.in_words_of_the_wire(text))).collect()
    }

    /// Constants and variants that documentation names become what travels.
    fn in_words_of_the_wire(&self, mut text: String) -> String {
        for one in &self.model.constants {
            let module = one.module.rsplit("::").next().unwrap_or_default();
            let path = if module.is_empty() { String::new() } else { format!("{module}.") };
            text = text.replace(&format!("`{path}{}`", one.own), &format!("`{}`", one.value));
        }
        for ((_, name), of) in &self.model.types {
            let Shape::Enum(_, variants) = &of.shape else { continue };
            for one in variants {
                let path = format!("`{name}.{}`", one.own);
                text = text.replace(&path, &format!("`{}`", one.name));
            }
        }
        text
    }

    fn head(&self, room: &str) -> String {
        let mut head = HEAD.to_owned();
        let mut by_home: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (home, name) in self.imports.get(room).into_iter().flatten() {
            by_home.entry(home).or_default().push(name);
        }
        for (home, names) in by_home {
            let names = names.join(", ");
            head += &format!("\nimport type {{ {names} }} from \"./{home}.js\";\n");
        }
        head
    }

    fn import(&mut self, room: &str, home: &str, name: &str) -> String {
        if home != room {
            let imports = self.imports.entry(room.to_owned()).or_default();
            imports.insert((home.to_owned(), name.to_owned()));
        }
        name.to_owned()
    }

    /// Writes a type, and all that it is made of, unless that was done.
    fn reach(&mut self, room: &str, name: &str, way: Way) {
        let place = (room.to_owned(), name.to_owned(), way);
        if self.done.contains_key(&place) {
            return;
        }
        self.done.insert(place.clone(), String::new());
        let of = &self.model.types[&(room.to_owned(), name.to_owned())];
        let own = self.written(room, name, way);
        let body = match BY_HAND.iter().find(|(hand, _)| *hand == name) {
            Some((_, text)) => {
                self.reach_named(room, text, way);
                format!("export type {own} = {text};\n")
            }
            None => {
                assert!(!of.is_special, "{name} has serde of its own: say in BY_HAND what it is");
                self.definition(room, &own, of, way)
            }
        };
        self.done.insert(place, format!("\n{}{body}", comment(&of.docs, "")));
    }

    /// How a type is called there.
    fn written(&self, room: &str, name: &str, way: Way) -> String {
        let is_split = self.split.contains(&(room.to_owned(), name.to_owned()));
        let name = RENAMED.iter().find(|(own, _)| *own == name).map_or(name, |(_, new)| new);
        if is_split && way == Way::Sent { format!("{name}Sent") } else { name.to_owned() }
    }

    /// Those of our types that are named in a text of TypeScript.
    fn reach_named(&mut self, room: &str, text: &str, way: Way) {
        let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
        for word in words {
            if self.model.types.contains_key(&(room.to_owned(), word.to_owned())) {
                self.reach(room, word, way);
            }
        }
    }

    fn definition(&mut self, room: &str, name: &str, of: &Type, way: Way) -> String {
        match &of.shape {
            Shape::Wrapper(inner) => {
                format!("export type {name} = {};\n", self.name_of(room, inner, way))
            }
            Shape::Struct(fields) if fields.is_empty() => {
                format!("export type {name} = Record<never, never>;\n")
            }
            Shape::Struct(fields) => {
                let flat = fields.iter().filter(|field| field.is_flattened);
                let flat: Vec<String> =
                    flat.map(|field| self.name_of(room, &field.of, way)).collect();
                let extends = match &*flat {
                    [] => String::new(),
                    some => format!(" extends {}", some.join(", ")),
                };
                let members = self.members(room, fields, way, "  ");
                format!("export interface {name}{extends} {{\n{members}}}\n")
            }
            Shape::Enum(tagging, variants) => {
                let mut text = format!("export type {name} =");
                // Clients send nothing unknown, and can make nothing of it.
                for variant in variants.iter().filter(|variant| !variant.is_other) {
                    let docs = comment(&variant.docs, "  ");
                    let of = self.variant(room, tagging, variant, way);
                    text += &format!("\n{docs}  | {of}");
                }
                text + ";\n"
            }
        }
    }

    fn variant(&mut self, room: &str, tagging: &Tagging, of: &Variant, way: Way) -> String {
        let name = &of.name;
        let tag = match tagging {
            Tagging::Internal(tag) => Some(format!("{tag}: \"{name}\"")),
            Tagging::External | Tagging::Untagged => None,
        };
        match (&of.content, tag, tagging) {
            (Content::None, Some(tag), _) => format!("{{ {tag} }}"),
            (Content::None, None, _) => format!("\"{name}\""),
            (Content::One(one), Some(tag), _) => {
                format!("({{ {tag} }} & {})", self.name_of(room, one, way))
            }
            (Content::One(one), None, Tagging::Untagged) => self.name_of(room, one, way),
            (Content::One(one), None, _) => {
                format!("{{ {}: {} }}", key(name), self.name_of(room, one, way))
            }
            (Content::Fields(fields), tag, _) => {
                let tag = tag.expect("no enum with fields is without a tag");
                let members = self.members(room, fields, way, "      ");
                format!("{{\n      {tag};\n{members}    }}")
            }
        }
    }

    fn members(&mut self, room: &str, fields: &[Field], way: Way, indent: &str) -> String {
        let mut text = String::new();
        let is_there = |field: &&Field| way == Way::Got || !field.is_got_only;
        for field in fields.iter().filter(|field| !field.is_flattened).filter(is_there) {
            let may_miss = match way {
                Way::Sent => field.may_miss,
                Way::Got => field.may_be_skipped,
            };
            let inside = inner(&field.of, "Option");
            let mut of = self.name_of(room, inside.unwrap_or(&field.of), way);
            if inside.is_some() && !may_miss {
                of += " | null";
            }
            let mark = if may_miss { "?" } else { "" };
            let docs = comment(&field.docs, indent);
            text += &format!("{docs}{indent}{}{mark}: {of};\n", key(&field.name));
        }
        text
    }

    /// A type where it is used; what it is made of is written too.
    fn name_of(&mut self, room: &str, of: &syn::Type, way: Way) -> String {
        for list in ["Vec", "BTreeSet"] {
            if let Some(item) = inner(of, list) {
                return format!("{}[]", self.name_of(room, item, way));
            }
        }
        for pointer in ["Box", "Arc"] {
            if let Some(inner) = inner(of, pointer) {
                return self.name_of(room, inner, way);
            }
        }
        if let Some(inner) = inner(of, "Option") {
            return format!("{} | null", self.name_of(room, inner, way));
        }
        let syn::Type::Path(path) = of else { panic!("a type without a name") };
        let last = path.path.segments.last().unwrap();
        match &*last.ident.to_string() {
            "bool" => "boolean".to_owned(),
            "u8" | "u16" | "u32" | "u64" | "i32" | "i64" | "f32" | "f64" => "number".to_owned(),
            "String" | "str" | "LobbyId" | "MemberToken" | "PeerToken" | "TicketId" => {
                "string".to_owned()
            }
            "RawValue" | "Value" | "Json" => self.import(room, "api", "Json"),
            "Bytes" => self.import(room, "api", "Bytes"),
            "BTreeMap" => {
                let syn::PathArguments::AngleBracketed(both) = &last.arguments else { panic!() };
                let both = both.args.iter().map(|one| match one {
                    syn::GenericArgument::Type(one) => self.name_of(room, one, way),
                    _ => panic!("a map of something else than types"),
                });
                format!("Record<{}>", both.collect::<Vec<_>>().join(", "))
            }
            name => {
                let home = self.model.home_of(room, name);
                let home = home.unwrap_or_else(|| panic!("{room}: no type `{name}`"));
                self.reach(&home, name, way);
                let written = self.written(&home, name, way);
                self.import(room, &home, &written)
            }
        }
    }
}

/// What stands in the table, which names modules too.
fn parse(of: &str) -> syn::Type {
    syn::parse_str(of).unwrap()
}

/// A member's name, quoted if it has to be.
fn key(name: &str) -> String {
    let is_plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if is_plain { name.to_owned() } else { format!("\"{name}\"") }
}

/// Documentation as a comment: links within Rust become names.
fn comment(docs: &str, indent: &str) -> String {
    if docs.is_empty() {
        return String::new();
    }
    let text = docs.replace("[`", "`").replace("`]", "`").replace("super::", "").replace("::", ".");
    let lines: Vec<&str> = text.lines().collect();
    match &*lines {
        [one] => format!("{indent}/** {one} */\n"),
        more => {
            let line = |line: &&str| format!("{indent} * {line}").trim_end().to_owned() + "\n";
            let lines: String = more.iter().map(line).collect();
            format!("{indent}/**\n{lines}{indent} */\n")
        }
    }
}
