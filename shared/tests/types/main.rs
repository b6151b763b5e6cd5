//! The TypeScript SDK's types of what travels, written from the types themselves: is what is
//! committed up to date (`make types` renews it), and is no event forgotten?
//! How they are read from the source is `model`'s part, how they are written `render`'s, and which
//! there are `table`'s.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod model;
mod render;
mod samples;
mod table;

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use model::Model;
use render::Render;
use table::{NAMESPACES, SHARED, SHARED_MODULES};

fn sdk() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("client-demo/sdk")
}

fn files() -> BTreeMap<PathBuf, String> {
    let folder = sdk().join("src/generated");
    Render::all(&Model::read()).into_iter().map(|(name, text)| (folder.join(name), text)).collect()
}

#[test]
fn what_is_committed_is_what_is_written() {
    for (path, text) in files() {
        if env::var_os("PARLOR_WRITE_TYPES").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
        } else {
            let committed = fs::read_to_string(&path).unwrap_or_default();
            assert!(committed == text, "{} is stale: `make types` renews it", path.display());
        }
    }
}

#[test]
fn each_event_is_in_the_table() {
    let model = Model::read();
    let mut known: Vec<(&str, &str)> = Vec::new();
    for namespace in NAMESPACES {
        let [sent, got] = namespace.modules;
        known.extend(namespace.requests.iter().map(|request| (sent, request.event)));
        known.extend(namespace.pushes.iter().map(|push| (got, push.event)));
    }
    let shared = SHARED.0.iter().map(|request| request.event);
    let shared: Vec<&str> = shared.chain(SHARED.1.iter().map(|push| push.event)).collect();
    for constant in &model.constants {
        let module = &*constant.module;
        let is_shared = SHARED_MODULES.contains(&module) && shared.contains(&&*constant.value);
        let names_events = SHARED_MODULES.contains(&module)
            || module.ends_with("::request")
            || module.ends_with("::push");
        assert!(
            !names_events || is_shared || known.contains(&(module, &constant.value)),
            "the event `{}` of {module} has no line in shared/tests/types/table.rs",
            constant.value
        );
    }
    assert!(model.constants.len() > 60, "the constants are found");
}
