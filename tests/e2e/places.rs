//! Where an application may run without its clients noticing: on one shard, on three, on two nodes.

use std::sync::Arc;

use parlor_server::cluster::Cluster;
use parlor_tests::loopback::Loopback;

use super::*;

/// The servers of one place.
pub(crate) struct Place(Vec<Running>);

impl Place {
    /// So many clients in the main namespace, in turn on each server and shard.
    pub(crate) fn join(&self, n: usize) -> Vec<WebSocket> {
        let join = |i: usize| WebSocket::join(self.0[i % self.0.len()].address()).unwrap();
        (0..n).map(join).collect()
    }

    pub(crate) fn first(&self) -> &Running {
        &self.0[0]
    }
}

/// Has the same application checked everywhere.
pub(crate) fn everywhere(build: impl Fn(&mut Server), check: impl Fn(&Place)) {
    for shards in [1, 3] {
        check_and_stop(Place(vec![start(config(shards), &build)]), &check);
    }
    let (first, link) = Loopback::listen().unwrap();
    let nodes = [first, Loopback::connect(link)].into_iter().enumerate().map(|(i, adapter)| {
        start(config(2), |server| {
            let (node, adapter) = (i as u8, Arc::new(adapter));
            server.cluster(Cluster { node, n_nodes: 2, seed: 1, adapter });
            build(server);
        })
    });
    check_and_stop(Place(nodes.collect()), &check);
}

fn config(shards: usize) -> Config {
    let mut config = parlor_tests::app::config();
    config.server.shards = shards;
    config
}

fn check_and_stop(place: Place, check: impl Fn(&Place)) {
    check(&place);
    place.0.iter().for_each(Running::stop);
    place.0.into_iter().for_each(|running| running.wait().unwrap());
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
