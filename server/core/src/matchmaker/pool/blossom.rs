//! Maximum-weight matching in a small general graph: of all ways to pair some of the vertices along
//! edges, one whose weights add up to the most.
//! Source: J. Edmonds, "Maximum matching and a polyhedron with 0,1-vertices", 1965; the search from
//! all free vertices at once is that of Z. Galil, "Efficient algorithms for finding maximum
//! matching in graphs", 1986.
//!
//! Each vertex has a price, and no edge weighs more than half of what its ends pay. Edges that
//! weigh just that are tight. Trees of tight edges grow from the free vertices, at even and odd
//! depths in turn; an odd cycle of them becomes a blossom, one node of which any vertex may be the
//! one that is matched outside. Where two trees meet, everything on the way is matched anew, and
//! two more vertices have a mate. When nothing is tight, the prices change until something is.

/// An edge, and what it is worth: more than 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) ends: [usize; 2],
    pub(super) weight: i64,
}

/// What is found, and what it takes; kept from one graph to the next for its memory.
#[derive(Debug, Default)]
pub(super) struct Matching {
    n: usize,
    edges: Vec<Edge>,
    /// Where each vertex' edges are in `incident`.
    starts: Vec<usize>,
    incident: Vec<usize>,
    mate: Vec<Option<usize>>,
    price: Vec<i64>,
    /// Blossoms behind the vertices; those that are none have no petals.
    nodes: Vec<Node>,
    /// The outermost node that each vertex is in.
    top: Vec<usize>,
    /// Even vertices whose edges nobody has looked at.
    queue: Vec<usize>,
}

/// A vertex, or a blossom.
#[derive(Debug, Clone, Default)]
struct Node {
    /// The nodes around the cycle, the one with the base first.
    petals: Vec<usize>,
    /// The edge from each petal to the next one, as an end in this one and one in that.
    links: Vec<[usize; 2]>,
    /// The vertex that is matched outside, or free.
    base: usize,
    /// What a blossom pays.
    price: i64,
    label: Label,
    is_top: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum Label {
    /// In no tree.
    #[default]
    Out,
    /// The root of a tree, or matched to an odd node.
    Even,
    /// Reached along this edge: its end in an even node, and the one here.
    Odd([usize; 2]),
}

/// What can be done next.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// Free vertices pay nothing more: the matching is the best.
    End,
    /// This edge is tight.
    Tight(usize),
    /// This odd blossom pays nothing more.
    Opens(usize),
}

impl Matching {
    /// The mate of each of `n` vertices.
    pub(super) fn find(&mut self, n: usize, edges: &[Edge]) -> &[Option<usize>] {
        self.begin(n, edges);
        while self.grow() {}
        &self.mate
    }

    fn begin(&mut self, n: usize, edges: &[Edge]) {
        self.n = n;
        self.edges.clear();
        self.edges.extend_from_slice(edges);
        self.starts.clear();
        self.starts.resize(n + 1, 0);
        for end in edges.iter().flat_map(|edge| edge.ends) {
            self.starts[end + 1] += 1;
        }
        for vertex in 0..n {
            self.starts[vertex + 1] += self.starts[vertex];
        }
        let mut next = self.starts.clone();
        self.incident.clear();
        self.incident.resize(2 * edges.len(), 0);
        for (i, edge) in edges.iter().enumerate() {
            for end in edge.ends {
                self.incident[next[end]] = i;
                next[end] += 1;
            }
        }
        let most = edges.iter().map(|edge| edge.weight).max().unwrap_or(0);
        self.mate.clear();
        self.mate.resize(n, None);
        self.price.clear();
        self.price.resize(n, most);
        self.nodes.clear();
        let vertex = |base| Node { base, is_top: true, ..Node::default() };
        self.nodes.extend((0..n).map(vertex));
        self.top.clear();
        self.top.extend(0..n);
    }

    /// What the ends of an edge pay beyond what it asks.
    fn slack(&self, edge: usize) -> i64 {
        let Edge { ends: [a, b], weight } = self.edges[edge];
        self.price[a] + self.price[b] - 2 * weight
    }

    fn label_of(&self, vertex: usize) -> Label {
        self.nodes[self.top[vertex]].label
    }

    /// Grows trees until two of them meet; false if that can bring nothing more.
    fn grow(&mut self) -> bool {
        self.nodes.iter_mut().for_each(|node| node.label = Label::Out);
        self.queue.clear();
        for vertex in 0..self.n {
            if self.mate[vertex].is_none() {
                self.nodes[self.top[vertex]].label = Label::Even;
            }
        }
        for vertex in 0..self.n {
            if self.label_of(vertex) == Label::Even {
                self.queue.push(vertex);
            }
        }
        loop {
            while let Some(vertex) = self.queue.pop() {
                for at in self.starts[vertex]..self.starts[vertex + 1] {
                    let edge = self.incident[at];
                    if self.slack(edge) == 0 && self.meet(edge) {
                        return true;
                    }
                }
            }
            match self.reprice() {
                Event::End => return false,
                Event::Tight(edge) if self.meet(edge) => return true,
                Event::Tight(_) => {}
                Event::Opens(blossom) => self.open(blossom),
            }
        }
    }

    /// Changes prices as far as they go without anything being too cheap.
    fn reprice(&mut self) -> Event {
        let free = (0..self.n).find(|vertex| self.mate[*vertex].is_none());
        let Some(free) = free else { return Event::End };
        let (mut least, mut event) = (self.price[free], Event::End);
        for edge in 0..self.edges.len() {
            let [a, b] = self.edges[edge].ends;
            if self.top[a] == self.top[b] {
                continue;
            }
            let step = match (self.label_of(a), self.label_of(b)) {
                (Label::Even, Label::Even) => self.slack(edge) / 2,
                (Label::Even, Label::Out) | (Label::Out, Label::Even) => self.slack(edge),
                _ => continue,
            };
            if step < least {
                (least, event) = (step, Event::Tight(edge));
            }
        }
        for (i, node) in self.nodes.iter().enumerate().skip(self.n) {
            let is_odd = node.is_top && matches!(node.label, Label::Odd(_));
            if is_odd && node.price / 2 < least {
                (least, event) = (node.price / 2, Event::Opens(i));
            }
        }
        if least > 0 {
            for vertex in 0..self.n {
                match self.label_of(vertex) {
                    Label::Even => self.price[vertex] -= least,
                    Label::Odd(_) => self.price[vertex] += least,
                    Label::Out => {}
                }
            }
            for node in self.nodes[self.n..].iter_mut().filter(|node| node.is_top) {
                match node.label {
                    Label::Even => node.price += 2 * least,
                    Label::Odd(_) => node.price -= 2 * least,
                    Label::Out => {}
                }
            }
        }
        event
    }

    /// A tight edge leads out of an even node, perhaps. True if two trees met along it.
    fn meet(&mut self, edge: usize) -> bool {
        let [a, b] = self.edges[edge].ends;
        if self.top[a] == self.top[b] {
            return false;
        }
        match (self.label_of(a), self.label_of(b)) {
            (Label::Even, Label::Out) => self.extend(a, b),
            (Label::Out, Label::Even) => self.extend(b, a),
            (Label::Even, Label::Even) => return self.join(a, b),
            _ => {}
        }
        false
    }

    /// From an even node into one that is in no tree, and on to its mate.
    fn extend(&mut self, from: usize, to: usize) {
        let odd = self.top[to];
        self.nodes[odd].label = Label::Odd([from, to]);
        let mate = self.mate[self.nodes[odd].base].expect("all free nodes are in trees");
        self.make_even(self.top[mate]);
    }

    fn make_even(&mut self, node: usize) {
        self.nodes[node].label = Label::Even;
        self.for_vertices(node, &mut |this, vertex| this.queue.push(vertex));
    }

    fn for_vertices(&mut self, node: usize, each: &mut dyn FnMut(&mut Self, usize)) {
        if node < self.n {
            return each(self, node);
        }
        for i in 0..self.nodes[node].petals.len() {
            self.for_vertices(self.nodes[node].petals[i], each);
        }
    }

    /// One node further towards the root: the edge there, as an end here and one there.
    fn up(&self, node: usize) -> Option<[usize; 2]> {
        match self.nodes[node].label {
            Label::Odd([from, to]) => Some([to, from]),
            _ => self.mate[self.nodes[node].base].map(|mate| [self.nodes[node].base, mate]),
        }
    }

    /// The edges from a node to the root.
    fn path(&self, node: usize) -> Vec<[usize; 2]> {
        let mut links = Vec::new();
        let mut at = node;
        while let Some(link) = self.up(at) {
            links.push(link);
            at = self.top[link[1]];
        }
        links
    }

    /// Two even nodes are beside each other: of one tree they close a cycle, of two they end it.
    fn join(&mut self, a: usize, b: usize) -> bool {
        let (mut left, mut right) = (self.path(self.top[a]), self.path(self.top[b]));
        let root =
            |links: &[[usize; 2]], node: usize| links.last().map_or(node, |link| self.top[link[1]]);
        if root(&left, self.top[a]) != root(&right, self.top[b]) {
            self.augment(a, b);
            self.augment(b, a);
            return true;
        }
        // What both have in common leads from the cycle's first node to the root.
        while left.last().is_some_and(|link| Some(link) == right.last()) {
            left.pop();
            right.pop();
        }
        self.close(a, b, &left, &right);
        false
    }

    /// Makes a blossom of two ways to the same node and the edge between their ends.
    fn close(&mut self, a: usize, b: usize, left: &[[usize; 2]], right: &[[usize; 2]]) {
        let first = left.last().map_or(self.top[a], |link| self.top[link[1]]);
        let mut links: Vec<[usize; 2]> = left.iter().rev().map(|[to, from]| [*from, *to]).collect();
        links.push([a, b]);
        links.extend_from_slice(right);
        let petals: Vec<usize> = links.iter().map(|[from, _]| self.top[*from]).collect();
        debug_assert_eq!(petals[0], first);
        let blossom = self.vacant();
        for petal in &petals {
            let is_odd = matches!(self.nodes[*petal].label, Label::Odd(_));
            self.nodes[*petal].is_top = false;
            self.for_vertices(*petal, &mut |this, vertex| {
                this.top[vertex] = blossom;
                if is_odd {
                    this.queue.push(vertex);
                }
            });
        }
        let base = self.nodes[first].base;
        let label = Label::Even;
        self.nodes[blossom] = Node { petals, links, base, price: 0, label, is_top: true };
    }

    /// A place for a blossom.
    fn vacant(&mut self) -> usize {
        let is_vacant = |node: &Node| node.petals.is_empty();
        let vacant = self.nodes[self.n..].iter().position(is_vacant);
        vacant.map_or_else(
            || {
                self.nodes.push(Node::default());
                self.nodes.len() - 1
            },
            |at| self.n + at,
        )
    }

    /// Takes an odd blossom apart that pays nothing: one way round it stays in the tree.
    fn open(&mut self, blossom: usize) {
        let Node { petals, links, label, .. } = std::mem::take(&mut self.nodes[blossom]);
        let Label::Odd(entry) = label else { unreachable!("only odd blossoms are opened") };
        for petal in &petals {
            self.nodes[*petal].is_top = true;
            self.nodes[*petal].label = Label::Out;
            self.for_vertices(*petal, &mut |this, vertex| this.top[vertex] = *petal);
        }
        let n = petals.len();
        let entered = petals.iter().position(|petal| *petal == self.top[entry[1]]);
        let mut at = entered.expect("it was reached in one of its petals");
        let is_forward = at % 2 == 1;
        self.nodes[petals[at]].label = Label::Odd(entry);
        // Two petals at a time, an even one and the odd one behind it, as far as the base.
        while at != 0 {
            let (even, odd, link) = if is_forward {
                ((at + 1) % n, (at + 2) % n, links[(at + 1) % n])
            } else {
                let [to, from] = links[at - 2];
                (at - 1, at - 2, [from, to])
            };
            self.make_even(petals[even]);
            self.nodes[petals[odd]].label = Label::Odd(link);
            at = odd;
        }
    }

    /// Matches `vertex` to `mate`, and everything anew from there to the root.
    fn augment(&mut self, vertex: usize, mate: usize) {
        let (mut vertex, mut mate) = (vertex, mate);
        loop {
            let even = self.top[vertex];
            let before = self.mate[self.nodes[even].base];
            self.turn(even, vertex);
            self.mate[vertex] = Some(mate);
            let Some(before) = before else { return };
            let odd = self.top[before];
            let Label::Odd([from, to]) = self.nodes[odd].label else {
                unreachable!("an even node that is matched is matched to an odd one")
            };
            self.turn(odd, to);
            self.mate[to] = Some(from);
            (vertex, mate) = (from, to);
        }
    }

    /// Makes a vertex the base of the node that it is in.
    fn turn(&mut self, node: usize, vertex: usize) {
        if node < self.n || self.nodes[node].base == vertex {
            return;
        }
        let n = self.nodes[node].petals.len();
        let holds = |petal: usize| self.is_in(vertex, petal);
        let at = self.nodes[node].petals.iter().position(|petal| holds(*petal));
        let at = at.expect("the vertex is in the node");
        self.turn(self.nodes[node].petals[at], vertex);
        // Every other edge between the petal and the base, on the way of even length.
        let new: Vec<usize> = if at % 2 == 1 {
            (at + 1..n).step_by(2).collect()
        } else {
            (0..at).step_by(2).collect()
        };
        for link_index in new {
            let [one, other] = self.nodes[node].links[link_index];
            self.turn(self.nodes[node].petals[link_index], one);
            self.turn(self.nodes[node].petals[(link_index + 1) % n], other);
            (self.mate[one], self.mate[other]) = (Some(other), Some(one));
        }
        let node = &mut self.nodes[node];
        node.petals.rotate_left(at);
        node.links.rotate_left(at);
        node.base = vertex;
    }

    fn is_in(&self, vertex: usize, node: usize) -> bool {
        node == vertex || self.nodes[node].petals.iter().any(|petal| self.is_in(vertex, *petal))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The most that can be had, by trying everything.
    fn best(n: usize, edges: &[Edge]) -> i64 {
        let mut best = vec![0; 1 << n];
        for set in 1_usize..1 << n {
            let first = set.trailing_zeros() as usize;
            best[set] = best[set & !(1 << first)];
            for Edge { ends: [a, b], weight } in edges {
                let both = 1 << a | 1 << b;
                if (*a == first || *b == first) && set & both == both {
                    best[set] = best[set].max(best[set & !both] + weight);
                }
            }
        }
        best[(1 << n) - 1]
    }

    fn weight_of(mates: &[Option<usize>], edges: &[Edge]) -> i64 {
        for (vertex, mate) in mates.iter().enumerate() {
            if let Some(mate) = mate {
                assert_eq!(mates[*mate], Some(vertex), "mates have each other");
            }
        }
        let mut total = 0;
        for (vertex, mate) in mates.iter().enumerate() {
            let Some(mate) = mate.filter(|mate| *mate > vertex) else { continue };
            let edge = edges.iter().find(|e| e.ends == [vertex, mate] || e.ends == [mate, vertex]);
            total += edge.expect("mates share an edge").weight;
        }
        total
    }

    fn graph() -> impl Strategy<Value = (usize, Vec<Edge>)> {
        (2_usize..12, 1_i64..60).prop_flat_map(|(n, most)| {
            let weights = prop::collection::vec(-most / 2..=most, n * (n - 1) / 2);
            weights.prop_map(move |weights| {
                let pairs = (0..n).flat_map(|a| (a + 1..n).map(move |b| [a, b]));
                let edges = pairs.zip(weights).map(|(ends, weight)| Edge { ends, weight });
                (n, edges.filter(|edge| edge.weight > 0).collect())
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn nothing_else_weighs_more((n, edges) in graph()) {
            let mut matching = Matching::default();
            // The second time nothing of the first may be left.
            for _ in 0..2 {
                let mates = matching.find(n, &edges).to_vec();
                prop_assert_eq!(weight_of(&mates, &edges), best(n, &edges));
            }
        }
    }

    /// Graphs in which blossoms within blossoms are made, turned and opened.
    #[test]
    fn flowers_within_flowers() {
        let mut random = 1_u64;
        let mut below = |n: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % n
        };
        let mut matching = Matching::default();
        for _ in 0..400 {
            // A few weights and many cycles: ties everywhere.
            let n = 11 + below(3) as usize;
            let mut edges = Vec::new();
            for a in 0..n {
                for b in a + 1..n {
                    if below(3) == 0 {
                        edges.push(Edge { ends: [a, b], weight: 1 + below(4) as i64 });
                    }
                }
            }
            let mates = matching.find(n, &edges).to_vec();
            assert_eq!(weight_of(&mates, &edges), best(n, &edges), "{edges:?}");
        }
    }
}
