//! Sees to it that the demo site is looked for again when it has been built after this crate.
//! Building it is not done here: that takes Node, and `make run` does it.

fn main() {
    let site = "../client-demo/web/dist";
    // A folder that does not exist cannot be watched; an empty one is a site that is not built.
    // If it cannot be made, the server says so on its page, and nothing else is lost.
    let _ = std::fs::create_dir_all(site);
    println!("cargo::rerun-if-changed={site}");
    println!("cargo::rerun-if-changed=build.rs");
}
