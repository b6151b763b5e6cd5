//! Writes types and maps of events as TypeScript, one file for each room.
//! A type is written as those need it who meet it: what clients send may leave out what has a
//! default, what they get leaves out what serde skips.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{Content, Field, Model, Shape, Tagging, Type, Variant, inner},
    table::{BY_HAND, Game, Namespace, Push, RENAMED, Request, SHARED, SHARED_MODULES},
};

/// Who writes a type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Sent,
    Got,
}

pub(crate) struct Render<'a> {
    model: &'a Model,
    /// What was written, by room and name; empty while it is being written.
    done: BTreeMap<(String, String), String>,
    /// For a room, what it takes from the room `api`.
    imports: BTreeMap<String, BTreeSet<String>>,
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
";

impl<'a> Render<'a> {
    pub(crate) fn new(model: &'a Model) -> Self {
        let (done, imports, maps) = Default::default();
        let mut render = Self { model, done, imports, maps };
        render.reach("api", "Refusal", Way::Got);
        render.maps.entry("api".to_owned()).or_default().push_str(REPLY);
        render.codes();
        render
    }

    /// All files, by their names.
    pub(crate) fn files(self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for ((room, _), text) in &self.done {
            files.entry(format!("{room}.ts")).or_insert_with(|| self.head(room)).push_str(text);
        }
        for (room, text) in &self.maps {
            files.entry(format!("{room}.ts")).or_insert_with(|| self.head(room)).push_str(text);
        }
        files
    }

    fn head(&self, room: &str) -> String {
        let names: Vec<&str> =
            self.imports.get(room).into_iter().flatten().map(String::as_str).collect();
        if names.is_empty() {
            return HEAD.to_owned();
        }
        format!("{HEAD}\nimport type {{ {} }} from \"./api.js\";\n", names.join(", "))
    }

    /// The types of a game, whose names begin with its own.
    pub(crate) fn game(&mut self, game: &Game) {
        let ways = [(game.written, Way::Sent), (game.read, Way::Got)];
        for (names, way) in ways {
            names.iter().for_each(|name| self.reach(game.room, name, way));
        }
    }

    /// The maps of events of a namespace, and every type in them.
    pub(crate) fn namespace(&mut self, namespace: &Namespace) {
        let Namespace { name, path, modules, room, requests, pushes } = namespace;
        let mut text = format!(
            "\n/** What clients send to `{path}`. */\nexport interface {name}ClientToServer {{\n"
        );
        for request in requests.iter() {
            text += &self.request(room, modules[0], request);
        }
        for request in SHARED.0 {
            text += &self.request(room, "", request);
        }
        text += &format!(
            "}}\n\n/** What clients of `{path}` get. */\nexport interface {name}ServerToClient {{\n"
        );
        for push in pushes.iter() {
            text += &self.push(room, modules[1], push);
        }
        for push in SHARED.1 {
            text += &self.push(room, "", push);
        }
        text += "}\n";
        self.maps.entry((*room).to_owned()).or_default().push_str(&text);
    }

    fn request(&mut self, room: &str, module: &str, request: &Request) -> String {
        let docs = self.event_docs(module, request.event);
        let tells = self.name_of(room, &parse(request.tells), Way::Got);
        if room != "api" {
            self.imports.entry(room.to_owned()).or_default().insert("Ack".to_owned());
        }
        let mut lists = vec![Vec::new()];
        for takes in request.takes {
            let of = parse(takes);
            let needed = inner(&of, "Option");
            if needed.is_some() {
                lists.push(lists.last().unwrap().clone());
            }
            let of = self.name_of(room, needed.unwrap_or(&of), Way::Sent);
            let name = match &*of {
                "Json" => "action".to_owned(),
                "number" => "seq".to_owned(),
                "string" => "token".to_owned(),
                other => other[..1].to_lowercase() + &other[1..],
            };
            lists.last_mut().unwrap().push(format!("{name}: {of}"));
        }
        let lists = lists.into_iter().map(|mut list| {
            list.push(format!("ack: Ack<{tells}>"));
            list.join(", ")
        });
        let lists: Vec<String> = lists.collect();
        let arguments = match &*lists {
            [one] => one.clone(),
            more => format!("...args: [{}]", more.join("] | [")),
        };
        format!("{docs}  {}: ({arguments}) => void;\n", key(request.event))
    }

    fn push(&mut self, room: &str, module: &str, push: &Push) -> String {
        let docs = self.event_docs(module, push.event);
        let brings = self.name_of(room, &parse(push.brings), Way::Got);
        format!("{docs}  {}: (push: {brings}) => void;\n", key(push.event))
    }

    fn event_docs(&self, module: &str, event: &str) -> String {
        let modules = if module.is_empty() { SHARED_MODULES.to_vec() } else { vec![module] };
        let mut constants = self.model.constants.iter();
        let constant = constants
            .find(|one| one.value == event && modules.contains(&&*one.module))
            .unwrap_or_else(|| panic!("no constant of {module} is `{event}`"));
        comment(&constant.docs, "  ")
    }

    /// All codes that Parlor itself refuses with.
    fn codes(&mut self) {
        let mut text = "\n/** Codes that Parlor itself refuses with; games have their own. */\n\
                        export type Code ="
            .to_owned();
        for one in self.model.constants.iter().filter(|one| one.module == "code") {
            text += &format!("\n{}  | \"{}\"", comment(&one.docs, "  "), one.value);
        }
        self.maps.entry("api".to_owned()).or_default().push_str(&(text + ";\n"));
    }

    /// Writes a type, and all that it is made of, unless that was done.
    fn reach(&mut self, room: &str, name: &str, way: Way) {
        let place = (room.to_owned(), name.to_owned());
        if self.done.get(&place).is_some_and(String::is_empty) {
            return;
        }
        let before = self.done.insert(place.clone(), String::new());
        let of = &self.model.types[&place];
        let by_hand = BY_HAND.iter().find(|(hand, _)| *hand == name);
        let body = match by_hand {
            Some((_, text)) => {
                self.reach_named(room, text, way);
                format!("export type {name} = {text};\n")
            }
            None => self.definition(room, name, of, way),
        };
        let text = format!("\n{}{body}", comment(&of.docs, ""));
        if let Some(before) = before {
            assert_eq!(before, text, "{name} is sent and got, and is not the same both ways");
        }
        self.done.insert(place, text);
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
        assert!(!of.is_special, "{name} has serde of its own: say in BY_HAND what it is");
        let name = renamed(name);
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
        for field in fields.iter().filter(|field| !field.is_flattened) {
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
        let syn::Type::Path(path) = of else { panic!("a type without a name") };
        let last = path.path.segments.last().unwrap();
        match &*last.ident.to_string() {
            "bool" => "boolean".to_owned(),
            "u8" | "u16" | "u32" | "u64" | "i32" | "i64" | "f64" => "number".to_owned(),
            "String" | "str" => "string".to_owned(),
            "RawValue" | "Value" | "Json" => {
                if room != "api" {
                    self.imports.entry(room.to_owned()).or_default().insert("Json".to_owned());
                }
                "Json".to_owned()
            }
            "BTreeMap" => {
                let syn::PathArguments::AngleBracketed(both) = &last.arguments else { panic!() };
                let both = both.args.iter().map(|one| match one {
                    syn::GenericArgument::Type(one) => self.name_of(room, one, way),
                    _ => panic!("a map of something else than types"),
                });
                format!("Record<{}>", both.collect::<Vec<_>>().join(", "))
            }
            name => {
                let found = self.model.find(room, name);
                let (home, _) = found.unwrap_or_else(|| panic!("{room}: no type `{name}`"));
                self.reach(&home, name, way);
                let name = renamed(name);
                if home != room {
                    self.imports.entry(room.to_owned()).or_default().insert(name.to_owned());
                }
                name.to_owned()
            }
        }
    }
}

fn renamed(name: &str) -> &str {
    RENAMED.iter().find(|(own, _)| *own == name).map_or(name, |(_, new)| new)
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
