//! The maps of the events of a namespace, and the words that stand for themselves: codes, reasons.

use super::{Render, Way, comment, inner, key, parse};
use crate::table::{NOTHING, Namespace, Push, Request, SHARED, SHARED_MODULES};

impl Render<'_> {
    /// The maps of events of a namespace, and every type in them.
    pub(super) fn namespace(&mut self, namespace: &Namespace) {
        let Namespace { name, path, modules: [sent, got], room, is_shared, .. } = namespace;
        let shared = if *is_shared { SHARED } else { (&[][..], &[][..]) };
        let mut text = format!(
            "\n/** What clients send to `{path}`. */\nexport interface {name}ClientToServer {{\n"
        );
        for (requests, module) in [(namespace.requests, *sent), (shared.0, "")] {
            for request in requests {
                text += &self.request(room, module, request);
            }
        }
        text += &format!(
            "}}\n\n/** What clients of `{path}` get. */\nexport interface {name}ServerToClient {{\n"
        );
        for (pushes, module) in [(namespace.pushes, *got), (shared.1, "")] {
            for push in pushes {
                text += &self.push(room, module, push);
            }
        }
        text += "}\n";
        self.maps.entry((*room).to_owned()).or_default().push_str(&text);
    }

    fn request(&mut self, room: &str, module: &str, request: &Request) -> String {
        let docs = self.event_docs(module, request.event);
        let ack = (request.tells != NOTHING).then(|| {
            let ack = self.import(room, "api", "Ack");
            format!("ack: {ack}<{}>", self.name_of(room, &parse(request.tells), Way::Got))
        });
        let mut lists = vec![Vec::new()];
        for (name, takes) in request.takes {
            let of = parse(takes);
            let inside = inner(&of, "Option");
            if inside.is_some() {
                lists.push(lists.last().unwrap().clone());
            }
            let of = self.name_of(room, inside.unwrap_or(&of), Way::Sent);
            lists.last_mut().unwrap().push(format!("{name}: {of}"));
        }
        lists.iter_mut().for_each(|list| list.extend(ack.clone()));
        let lists: Vec<String> = lists.iter().map(|list| list.join(", ")).collect();
        let arguments = match &*lists {
            [one] => one.clone(),
            more => format!("\n    ...args:\n      | [{}]\n  ", more.join("]\n      | [")),
        };
        format!("{docs}  {}: ({arguments}) => void;\n", key(request.event))
    }

    fn push(&mut self, room: &str, module: &str, push: &Push) -> String {
        let docs = self.event_docs(module, push.event);
        let brings = push.brings.iter().map(|(name, of)| {
            let of = self.name_of(room, &parse(of), Way::Got);
            format!("{name}: {of}")
        });
        let brings = brings.collect::<Vec<_>>().join(", ");
        format!("{docs}  {}: ({brings}) => void;\n", key(push.event))
    }

    fn event_docs(&self, module: &str, event: &str) -> String {
        let modules = if module.is_empty() { SHARED_MODULES.to_vec() } else { vec![module] };
        let mut constants = self.model.constants.iter();
        let constant = constants
            .find(|one| one.value == event && modules.contains(&&*one.module))
            .unwrap_or_else(|| panic!("no constant of {module} is `{event}`"));
        comment(&constant.docs, "  ")
    }

    /// A type of all texts in a module of constants, if there are any.
    pub(super) fn words(&mut self, room: &str, module: &str, name: &str, docs: &str) {
        let module = if room == "api" { module.to_owned() } else { format!("{room}::{module}") };
        let mut text = format!("\n/** {docs} */\nexport type {name} =");
        let mut words = self.model.constants.iter().filter(|one| one.module == module).peekable();
        if words.peek().is_none() {
            return;
        }
        for one in words {
            text += &format!("\n{}  | \"{}\"", comment(&one.docs, "  "), one.value);
        }
        self.maps.entry(room.to_owned()).or_default().push_str(&(text + ";\n"));
    }
}
