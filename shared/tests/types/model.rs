//! The types of `shared::api` as their source has them: names, documentation, what serde is told.
//! Which of them travel is `table`'s part, how they are written in TypeScript `render`'s.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, Fields, Item, Lit, Meta, punctuated::Punctuated};

/// All that was read.
#[derive(Default)]
pub(crate) struct Model {
    /// By room (the first module under `api`, see [`room_of`]) and name.
    pub types: BTreeMap<(String, String), Type>,
    pub constants: Vec<Constant>,
}

/// A `pub const NAME: &str`.
pub(crate) struct Constant {
    /// Modules under `api` that lead to it, such as `lobby::request`.
    pub module: String,
    /// As Rust calls it.
    pub own: String,
    pub value: String,
    pub docs: String,
}

pub(crate) struct Type {
    pub docs: String,
    pub shape: Shape,
    /// True if its Serialize or Deserialize is written by hand.
    pub is_special: bool,
}

pub(crate) enum Shape {
    /// With named fields.
    Struct(Vec<Field>),
    /// Of one field without a name, which is all that is written.
    Wrapper(syn::Type),
    Enum(Tagging, Vec<Variant>),
}

#[derive(Clone, PartialEq)]
pub(crate) enum Tagging {
    External,
    Internal(String),
    Untagged,
}

pub(crate) struct Variant {
    /// As Rust calls it.
    pub own: String,
    pub name: String,
    pub docs: String,
    pub content: Content,
    /// Stands for whatever is not known.
    pub is_other: bool,
}

pub(crate) enum Content {
    None,
    One(syn::Type),
    Fields(Vec<Field>),
}

pub(crate) struct Field {
    pub name: String,
    pub docs: String,
    pub of: syn::Type,
    /// It may be left out by who writes it for serde, and by serde.
    pub may_miss: bool,
    pub may_be_skipped: bool,
    /// Clients do not write it.
    pub is_got_only: bool,
    pub is_flattened: bool,
}

/// What serde is told of a type, variant or field.
#[derive(Default)]
struct Serde {
    rename: Option<String>,
    case: Option<Case>,
    tagging: Option<Tagging>,
    has_default: bool,
    is_skipped: bool,
    is_got_only: bool,
    is_flattened: bool,
    is_other: bool,
}

/// How names are written.
#[derive(Clone, Copy)]
enum Case {
    Snake,
    Camel,
}

/// Where the types of a module are written: chess, circles, … each in a file of its own; those of
/// lobbies, and what all namespaces share, together.
pub(crate) fn room_of(module: &str) -> String {
    match module.split("::").next().unwrap_or_default() {
        "" | "lobby" | "time" | "delta" => "api".to_owned(),
        other => other.to_owned(),
    }
}

impl Model {
    /// Reads the module `api` of this package.
    pub(crate) fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api");
        let mut model = Self::default();
        for path in sources(&folder) {
            let text = fs::read_to_string(&path).unwrap();
            let file = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let name = path.strip_prefix(&folder).unwrap().with_extension("");
            let name = name.to_str().unwrap().replace('/', "::");
            model.read_items(name.strip_suffix("mod").unwrap_or(&name), file.items);
        }
        model
    }

    /// The type of this name that somebody in `room` means.
    pub(crate) fn home_of(&self, room: &str, name: &str) -> Option<String> {
        let rooms = self.types.keys().filter(|(_, own)| own == name).map(|(room, _)| room);
        let rooms: Vec<&String> = rooms.collect();
        let near = |near: &str| rooms.iter().find(|own| **own == near);
        let only = || rooms.first().filter(|_| rooms.len() == 1);
        near(room).or_else(|| near("api")).or_else(only).map(ToString::to_string)
    }

    fn read_items(&mut self, module: &str, items: Vec<Item>) {
        let room = room_of(module);
        let special: Vec<String> = items.iter().filter_map(serde_by_hand).collect();
        for item in items {
            match item {
                Item::Struct(item) if is_public(&item.vis) => {
                    let serde = Serde::of(&item.attrs);
                    let shape = match item.fields {
                        Fields::Named(named) => {
                            Shape::Struct(fields(named.named.into_iter(), &serde))
                        }
                        Fields::Unnamed(one) => Shape::Wrapper(one.unnamed[0].ty.clone()),
                        Fields::Unit => continue,
                    };
                    let (name, docs) = (item.ident.to_string(), docs(&item.attrs));
                    let is_special = special.contains(&name);
                    self.types.insert((room.clone(), name), Type { docs, shape, is_special });
                }
                Item::Enum(item) if is_public(&item.vis) => {
                    let serde = Serde::of(&item.attrs);
                    let tagging = serde.tagging.clone().unwrap_or(Tagging::External);
                    let variants = item.variants.into_iter().map(|one| variant(one, &serde));
                    let shape = Shape::Enum(tagging, variants.collect());
                    let (name, docs) = (item.ident.to_string(), docs(&item.attrs));
                    let is_special = special.contains(&name);
                    self.types.insert((room.clone(), name), Type { docs, shape, is_special });
                }
                Item::Mod(item) if is_public(&item.vis) => {
                    let name = item.ident.to_string();
                    let module = format!("{module}::{name}");
                    if let Some((_, items)) = item.content {
                        self.read_items(module.trim_start_matches(':'), items);
                    }
                }
                Item::Const(item) if is_public(&item.vis) => {
                    let syn::Expr::Lit(expr) = &*item.expr else { continue };
                    let Lit::Str(value) = &expr.lit else { continue };
                    let (module, docs) = (module.to_owned(), docs(&item.attrs));
                    let (own, value) = (item.ident.to_string(), value.value());
                    self.constants.push(Constant { module, own, value, docs });
                }
                _ => {}
            }
        }
    }
}

/// The name of the type whose Serialize or Deserialize this item is.
fn serde_by_hand(item: &Item) -> Option<String> {
    let Item::Impl(item) = item else { return None };
    let (_, path, _) = item.trait_.as_ref()?;
    let name = path.segments.last()?.ident.to_string();
    let syn::Type::Path(own) = &*item.self_ty else { return None };
    let is_serde = matches!(&*name, "Serialize" | "Deserialize");
    is_serde.then(|| own.path.segments.last().unwrap().ident.to_string())
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            all.push(path);
        }
    }
    all.sort();
    all
}

fn is_public(visibility: &syn::Visibility) -> bool {
    matches!(visibility, syn::Visibility::Public(_))
}

fn fields(all: impl Iterator<Item = syn::Field>, of: &Serde) -> Vec<Field> {
    let field = |field: syn::Field| {
        let serde = Serde::of(&field.attrs);
        let own = field.ident.as_ref().unwrap().to_string();
        let name = serde.rename.unwrap_or_else(|| in_case(&own, of.case));
        Field {
            name,
            docs: docs(&field.attrs),
            may_miss: of.has_default
                || serde.has_default
                || serde.is_skipped
                || inner(&field.ty, "Option").is_some(),
            may_be_skipped: serde.is_skipped,
            is_got_only: serde.is_got_only,
            is_flattened: serde.is_flattened,
            of: field.ty,
        }
    };
    all.map(field).collect()
}

fn variant(variant: syn::Variant, of: &Serde) -> Variant {
    let serde = Serde::of(&variant.attrs);
    let own = variant.ident.to_string();
    let name = serde.rename.unwrap_or_else(|| in_case(&own, of.case));
    let content = match variant.fields {
        Fields::Unit => Content::None,
        Fields::Unnamed(one) => Content::One(one.unnamed[0].ty.clone()),
        Fields::Named(named) => Content::Fields(fields(named.named.into_iter(), &Serde::default())),
    };
    Variant { own, name, docs: docs(&variant.attrs), content, is_other: serde.is_other }
}

/// The name of a field, which is in snake case, or of a variant, whose words begin with capitals.
fn in_case(name: &str, case: Option<Case>) -> String {
    let mut written = String::new();
    let mut begins = false;
    for letter in name.chars() {
        match case {
            Some(Case::Snake) if letter.is_uppercase() => {
                written.extend((!written.is_empty()).then_some('_'));
                written.extend(letter.to_lowercase());
            }
            Some(Case::Camel) if letter == '_' => begins = true,
            _ if std::mem::take(&mut begins) => written.extend(letter.to_uppercase()),
            _ => written.push(letter),
        }
    }
    written
}

/// `T` of a type `Outer<T>`.
pub(crate) fn inner<'a>(of: &'a syn::Type, outer: &str) -> Option<&'a syn::Type> {
    let syn::Type::Path(path) = of else { return None };
    let last = path.path.segments.last()?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        syn::GenericArgument::Type(inner) if last.ident == outer => Some(inner),
        _ => None,
    }
}

fn docs(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let lines = lines.filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) => {
                let text = text.value();
                Some(text.strip_prefix(' ').unwrap_or(&text).to_owned())
            }
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl Serde {
    /// # Panics
    /// On what this reader does not know: it would write a type that is not true.
    fn of(attributes: &[Attribute]) -> Self {
        let mut serde = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            let metas = attribute
                .parse_args_with(Punctuated::<Meta, syn::Token![,]>::parse_terminated)
                .unwrap();
            for meta in metas {
                serde.note(&meta);
            }
        }
        serde
    }

    fn note(&mut self, meta: &Meta) {
        let text = || match meta {
            Meta::NameValue(pair) => match &pair.value {
                syn::Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) => text.value(),
                _ => panic!("a text is expected"),
            },
            _ => panic!("a value is expected"),
        };
        match &*meta.path().get_ident().unwrap().to_string() {
            "rename" => self.rename = Some(text()),
            "rename_all" => {
                self.case = match &*text() {
                    "snake_case" => Some(Case::Snake),
                    "camelCase" => Some(Case::Camel),
                    other => panic!("another way to write names: {other}"),
                }
            }
            "tag" => self.tagging = Some(Tagging::Internal(text())),
            "untagged" => self.tagging = Some(Tagging::Untagged),
            "default" => self.has_default = true,
            "skip_serializing_if" => self.is_skipped = true,
            "skip_deserializing" => self.is_got_only = true,
            "flatten" => self.is_flattened = true,
            "other" => self.is_other = true,
            // None of these changes what is written.
            "deny_unknown_fields" | "deserialize_with" | "try_from" | "expecting" | "borrow" => {}
            other => panic!("#[serde({other})] is not known here"),
        }
    }
}
