//! Where an application may run without its clients noticing: on one shard, on three, on two nodes.

use std::sync::Arc;

use parlor_server::{Namespace, cluster::Cluster};
use parlor_tests::loopback::Loopback;

use super::*;

/// The servers of one place.
pub(crate) struct Place {
    servers: Vec<Running>,
    n_shards: usize,
}

impl Place {
    /// So many clients in the main namespace, in turn on each server and shard.
    pub(crate) fn join(&self, n: usize) -> Vec<WebSocket> {
        let server = |i: usize| self.servers[i % self.servers.len()].address();
        let join = |i: usize| WebSocket::join(server(i)).unwrap();
        (0..n).map(join).collect()
    }

    pub(crate) fn first(&self) -> &Running {
        &self.servers[0]
    }

    /// Of all servers.
    pub(crate) fn n_shards(&self) -> usize {
        self.n_shards
    }
}

/// Sockets of the main namespace join the rooms that their clients name.
pub(crate) fn join_on_demand(server: &mut Server) -> &mut Namespace {
    server.namespace("/").on("join", |cx, args| {
        for i in 0..args.count() {
            cx.join(args.get::<String>(i).unwrap());
        }
        cx.ack(());
    })
}

/// Has the same application checked everywhere.
pub(crate) fn everywhere(build: impl Fn(&mut Server), check: impl Fn(&Place)) {
    for shards in [1, 3] {
        check_and_stop(vec![start(config(shards), &build)], shards, &check);
    }
    let (first, link) = Loopback::listen().unwrap();
    let nodes = [first, Loopback::connect(link)].into_iter().enumerate().map(|(i, adapter)| {
        start(config(2), |server| {
            let (node, adapter) = (i as u8, Arc::new(adapter));
            server.cluster(Cluster { node, n_nodes: 2, seed: 1, adapter });
            build(server);
        })
    });
    check_and_stop(nodes.collect(), 4, &check);
}

fn config(shards: usize) -> Config {
    let mut config = parlor_tests::app::config();
    config.server.shards = shards;
    config
}

fn check_and_stop(servers: Vec<Running>, n_shards: usize, check: impl Fn(&Place)) {
    let place = Place { servers, n_shards };
    check(&place);
    place.servers.iter().for_each(Running::stop);
    place.servers.into_iter().for_each(|running| running.wait().unwrap());
}

/// Sends and waits for this answer, whatever comes before it: all that.
pub(crate) fn say(socket: &mut WebSocket, text: &str, answer: &str) -> Vec<String> {
    socket.send(text).unwrap();
    hear(socket, answer)
}

/// Waits for this text, whatever comes before it: all that.
pub(crate) fn hear(socket: &mut WebSocket, last: &str) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        let text = socket.text().unwrap();
        if text.starts_with(last) {
            return texts;
        }
        texts.push(text);
    }
}
