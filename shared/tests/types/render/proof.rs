//! A file of values for the TypeScript compiler to look at: do the types hold what serde writes?

use std::collections::BTreeSet;

use super::{HEAD, Render, Way};
use crate::{
    model::{Shape, Tagging, Variant},
    samples::{self, Sample},
    table::NAMESPACES,
};

impl Render<'_> {
    /// Values for the compiler to look at; each type of an event is among them.
    pub(super) fn samples(&self) -> String {
        let mut text = format!(
            "{HEAD}\nimport type {{ {} }} from \"../src/index.js\";\n\nexport const samples = [\n",
            ["api", "chess", "circles", "matchmaking", "relay", "signal"].join(", ")
        );
        let mut seen = BTreeSet::new();
        for Sample { room, name, is_sent, json } in samples::all() {
            let way = if is_sent { Way::Sent } else { Way::Got };
            let written = self.written(&room, &name, way);
            // On one line, as it might be long.
            let json = serde_json::from_str::<serde_json::Value>(&json).unwrap();
            text += &format!("  {json} satisfies {room}.{written},\n");
            seen.insert((room, name, way));
        }
        for namespace in NAMESPACES {
            for (name, way) in namespace.types() {
                let home = self.model.home_of(namespace.room, &name);
                let Some(home) = home else { continue };
                let name = self.written(&home, &name, Way::Got);
                let is_seen = seen.contains(&(home, name.clone(), way));
                assert!(is_seen, "{}: no sample of {name} in samples.rs", namespace.name);
            }
        }
        for (room, name, _) in self.done.keys() {
            let of = &self.model.types[&(room.clone(), name.clone())];
            let Shape::Enum(Tagging::Internal(tag), variants) = &of.shape else { continue };
            for Variant { name: variant, .. } in variants.iter().filter(|one| !one.is_other) {
                let is_seen = text.contains(&format!("\"{tag}\":\"{variant}\""));
                assert!(is_seen, "no sample of the {variant} of {name} in samples.rs");
            }
        }
        // As text: `__proto__` in a literal is something else.
        text += "];\n\n/** Base, what comes of it, and the delta between them. */\n";
        text += "export const deltas = [\n";
        for [base, next, delta] in samples::deltas() {
            text += &format!("  {:?},\n", serde_json::json!([base, next, delta]).to_string());
        }
        text + "];\n"
    }
}
