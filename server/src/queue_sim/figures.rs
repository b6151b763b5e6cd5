//! What came of a queue's tickets in numbers: all of them, and by how strong they are.

use std::fmt;

use serde::Serialize;

use super::play::{End, Outcome, Ticket};

/// Ratings of one band.
const BAND: f32 = 200.0;

/// The figures of one queue.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    queue: String,
    matches: usize,
    #[serde(flatten)]
    pub(super) all: Group,
    pub(super) bands: Vec<Band>,
}

/// Tickets of nearly one rating.
#[derive(Debug, Serialize)]
pub(super) struct Band {
    /// The lowest rating in it.
    pub(super) from: i32,
    #[serde(flatten)]
    pub(super) group: Group,
}

/// Some tickets. Waits and gaps are of those that were matched without bots, and nothing if none
/// were.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    tickets: usize,
    matched: usize,
    with_bots: usize,
    given_up: usize,
    left: usize,
    refused: usize,
    /// The share of tickets that the queue took and that got no match.
    pub(super) unmatched: f64,
    wait_ms_p50: Option<u64>,
    wait_ms_p95: Option<u64>,
    wait_ms_p99: Option<u64>,
    gap_p50: Option<f32>,
    gap_p95: Option<f32>,
}

impl Figures {
    pub(super) fn of(outcome: &Outcome) -> Self {
        let band_of = |ticket: &Ticket| (ticket.rating / BAND).floor() as i32;
        let mut numbers: Vec<i32> = outcome.tickets.iter().map(band_of).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let band = |number: &i32| {
            let own = outcome.tickets.iter().filter(|ticket| band_of(ticket) == *number);
            let own: Vec<Ticket> = own.copied().collect();
            Band { from: number * BAND as i32, group: Group::of(&own) }
        };
        Self {
            queue: outcome.queue.clone(),
            matches: outcome.n_matches,
            all: Group::of(&outcome.tickets),
            bands: numbers.iter().map(band).collect(),
        }
    }
}

impl Group {
    fn of(tickets: &[Ticket]) -> Self {
        let count = |is: &dyn Fn(End) -> bool| tickets.iter().filter(|one| is(one.end)).count();
        let (matched, with_bots) =
            (count(&|end| matches!(end, End::Matched { .. })), count(&|end| end == End::WithBots));
        let refused = count(&|end| end == End::Refused);
        let n_taken = tickets.len() - refused;
        let n_without = n_taken - matched - with_bots;
        let (waits, gaps) = waits_and_gaps(tickets);
        Self {
            matched,
            with_bots,
            refused,
            given_up: count(&|end| end == End::GivenUp),
            left: count(&|end| end == End::Left),
            unmatched: if n_taken == 0 { 0.0 } else { n_without as f64 / n_taken as f64 },
            wait_ms_p50: percentile(&waits, 0.50),
            wait_ms_p95: percentile(&waits, 0.95),
            wait_ms_p99: percentile(&waits, 0.99),
            gap_p50: percentile(&gaps, 0.50),
            gap_p95: percentile(&gaps, 0.95),
            tickets: tickets.len(),
        }
    }

    /// Tickets that the queue took.
    pub(super) fn n_taken(&self) -> usize {
        self.tickets - self.refused
    }

    /// Half of them, and nineteen of twenty, have waited no longer, in seconds.
    pub(super) fn waits(&self) -> Option<[f64; 2]> {
        let secs = |ms: u64| ms as f64 / 1000.0;
        Some([secs(self.wait_ms_p50?), secs(self.wait_ms_p95?)])
    }
}

/// In order, of tickets that were matched without bots: milliseconds, ratings.
pub(super) fn waits_and_gaps(tickets: &[Ticket]) -> (Vec<u64>, Vec<f32>) {
    let (mut waits, mut gaps) = (Vec::new(), Vec::new());
    for ticket in tickets {
        if let End::Matched { gap } = ticket.end {
            waits.push(ticket.wait.as_millis() as u64);
            gaps.push(gap);
        }
    }
    waits.sort_unstable();
    gaps.sort_by(f32::total_cmp);
    (waits, gaps)
}

/// The least value that so large a share of all does not exceed.
fn percentile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied()
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Group { tickets, matched, with_bots, given_up, left, refused, .. } = &self.all;
        writeln!(f, "queue {}: {tickets} tickets, {} matches", self.queue, self.matches)?;
        writeln!(
            f,
            "  matched {matched}, with bots {with_bots}, gave up {given_up}, left {left}, refused \
             {refused}"
        )?;
        writeln!(
            f,
            "  {:>10} {:>8} {:>9} {:>9} {:>9} {:>8} {:>8} {:>10}",
            "rating", "tickets", "wait p50", "p95", "p99", "gap p50", "p95", "unmatched"
        )?;
        row(f, "all", &self.all)?;
        for band in &self.bands {
            row(f, &format!("{}-{}", band.from, band.from + BAND as i32 - 1), &band.group)?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, group: &Group) -> fmt::Result {
    let none = || "-".to_owned();
    let secs = |ms: Option<u64>| ms.map_or_else(none, |ms| format!("{:.1} s", ms as f64 / 1000.0));
    let points = |gap: Option<f32>| gap.map_or_else(none, |gap| format!("{gap:.0}"));
    writeln!(
        f,
        "  {name:>10} {:>8} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8.1} %",
        group.tickets,
        secs(group.wait_ms_p50),
        secs(group.wait_ms_p95),
        secs(group.wait_ms_p99),
        points(group.gap_p50),
        points(group.gap_p95),
        100.0 * group.unmatched
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn figures_are_of_those_they_are_about() {
        let ticket =
            |rating: f32, secs: u64, end| Ticket { rating, wait: Duration::from_secs(secs), end };
        let mut tickets: Vec<Ticket> =
            (1..=100).map(|i| ticket(1500.0, i, End::Matched { gap: i as f32 })).collect();
        tickets.extend([
            ticket(1700.0, 500, End::GivenUp),
            ticket(1700.0, 500, End::Left),
            ticket(1700.0, 500, End::WithBots),
            ticket(1700.0, 0, End::Refused),
        ]);
        let outcome = Outcome { queue: "q".to_owned(), n_matches: 51, tickets };
        let figures = Figures::of(&outcome);
        let Group { wait_ms_p50, wait_ms_p95, wait_ms_p99, gap_p50, gap_p95, .. } = figures.all;
        let waits = [wait_ms_p50, wait_ms_p95, wait_ms_p99];
        assert_eq!(waits, [50_000, 95_000, 99_000].map(Some));
        assert_eq!((gap_p50, gap_p95), (Some(50.0), Some(95.0)));
        let of_bands: Vec<_> = (figures.bands.iter())
            .map(|band| (band.from, band.group.tickets, band.group.unmatched))
            .collect();
        assert_eq!(of_bands, [(1400, 100, 0.0), (1600, 4, 2.0 / 3.0)]);
        let text = figures.to_string();
        assert!(text.contains("matched 100, with bots 1, gave up 1, left 1, refused 1"), "{text}");
        let row = text.lines().find(|line| line.contains("1600-1799")).unwrap();
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(words, ["1600-1799", "4", "-", "-", "-", "-", "-", "66.7", "%"], "no waits");
        assert_eq!(figures.bands[1].group.waits(), None);
        assert_eq!((figures.all.n_taken(), figures.all.waits()), (103, Some([50.0, 95.0])));
    }
}
