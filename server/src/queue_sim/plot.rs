//! One picture for a queue: how long its tickets waited, how far apart those who met are, and waits
//! by rating. Lines and bars are tiny-skia's, letters font8x8's.

use anyhow::{Context as _, Result};
use font8x8::UnicodeFonts as _;
use tiny_skia::{Color, Paint, PathBuilder, Pixmap, Rect, Stroke, Transform};

use super::{
    figures::{Band, Figures, waits_and_gaps},
    play::Outcome,
};

const WIDTH: u32 = 1500;
const HEIGHT: u32 = 460;
const PANEL: f32 = 500.0;
/// From a panel's edges to its axes.
const LEFT: f32 = 64.0;
const RIGHT: f32 = 20.0;
const TOP: f32 = 84.0;
const BOTTOM: f32 = 56.0;
const N_TICKS: usize = 5;
/// Bars of the histogram.
const N_BARS: usize = 30;

const INK: [u8; 3] = [40, 44, 52];
const PALE: [u8; 3] = [222, 226, 232];
const BLUE: [u8; 3] = [38, 104, 190];
const ORANGE: [u8; 3] = [214, 106, 28];

/// As a PNG.
pub(super) fn draw(outcome: &Outcome, figures: &Figures) -> Result<Vec<u8>> {
    let mut pixels = Pixmap::new(WIDTH, HEIGHT).context("it has a size")?;
    pixels.fill(Color::WHITE);
    let (waits, gaps) = waits_and_gaps(&outcome.tickets);
    let waits: Vec<f64> = waits.into_iter().map(|ms| ms as f64 / 1000.0).collect();
    let gaps: Vec<f64> = gaps.into_iter().map(f64::from).collect();
    let title = format!("queue {}: {} tickets", outcome.queue, outcome.tickets.len());
    text(&mut pixels, &title, 20.0, 16.0, 2, INK);
    waits_of_all(&mut pixels, &waits, figures.all.n_taken());
    gaps_of_all(&mut pixels, &gaps);
    waits_by_rating(&mut pixels, figures);
    pixels.encode_png().context("it can be encoded")
}

/// The share of all tickets that were matched when they had waited no longer: what is missing at
/// the end went without.
fn waits_of_all(pixels: &mut Pixmap, waits: &[f64], n_taken: usize) {
    let most = nice(waits.last().copied().unwrap_or_default());
    let mut panel = Panel { pixels, left: 0.0, x: (0.0, most), y: (0.0, 100.0) };
    panel.axes("% of all matched within", "seconds");
    let n = n_taken as f64;
    let mut points = vec![(0.0, 0.0)];
    for (i, wait) in waits.iter().enumerate() {
        points.push((*wait, 100.0 * i as f64 / n));
        points.push((*wait, 100.0 * (i + 1) as f64 / n));
    }
    points.push((most, 100.0 * waits.len() as f64 / n.max(1.0)));
    panel.line(&points, BLUE);
}

fn gaps_of_all(pixels: &mut Pixmap, gaps: &[f64]) {
    let most = nice(gaps.last().copied().unwrap_or_default());
    let mut bars = [0.0; N_BARS];
    for gap in gaps {
        bars[((gap / most * N_BARS as f64) as usize).min(N_BARS - 1)] += 1.0;
    }
    let highest = nice(bars.into_iter().fold(0.0, f64::max));
    let mut panel = Panel { pixels, left: PANEL, x: (0.0, most), y: (0.0, highest) };
    panel.axes("tickets by rating gap", "rating gap");
    let width = most / N_BARS as f64;
    for (i, n) in bars.into_iter().enumerate() {
        panel.bar(i as f64 * width, (i + 1) as f64 * width, n, BLUE);
    }
}

fn waits_by_rating(pixels: &mut Pixmap, figures: &Figures) {
    let from = figures.bands.first().map_or(0, |band| band.from);
    let to = figures.bands.last().map_or(200, |band| band.from + 200);
    // So that the marks are hundreds.
    let to = from + (to - from + 999) / 1000 * 1000;
    let waits = figures.bands.iter().filter_map(|band| band.group.waits());
    let longest = waits.flatten().fold(0.0, f64::max);
    let y = (0.0, nice(longest));
    let mut panel = Panel { pixels, left: 2.0 * PANEL, x: (f64::from(from), f64::from(to)), y };
    panel.axes("seconds waited", "rating");
    for (which, colour, name) in [(0, BLUE, "p50"), (1, ORANGE, "p95")] {
        // Of a band in which nobody was matched there is nothing to draw.
        let at = |band: &Band| Some((f64::from(band.from) + 100.0, band.group.waits()?[which]));
        let points: Vec<(f64, f64)> = figures.bands.iter().filter_map(at).collect();
        panel.line(&points, colour);
        let x = 3.0 * PANEL - RIGHT - 112.0 + 64.0 * which as f32;
        text(panel.pixels, name, x, TOP - 28.0, 2, colour);
    }
}

/// Axes, and what is drawn within them.
struct Panel<'p> {
    pixels: &'p mut Pixmap,
    left: f32,
    x: (f64, f64),
    y: (f64, f64),
}

impl Panel<'_> {
    fn at(&self, x: f64, y: f64) -> (f32, f32) {
        let share = |value: f64, (from, to): (f64, f64)| ((value - from) / (to - from)) as f32;
        let width = PANEL - LEFT - RIGHT;
        let height = HEIGHT as f32 - TOP - BOTTOM;
        (self.left + LEFT + width * share(x, self.x), TOP + height * (1.0 - share(y, self.y)))
    }

    fn axes(&mut self, title: &str, unit: &str) {
        text(self.pixels, title, self.left + LEFT, TOP - 28.0, 2, INK);
        for i in 0..=N_TICKS {
            let share = i as f64 / N_TICKS as f64;
            let (x, y) = (
                self.x.0 + (self.x.1 - self.x.0) * share,
                self.y.0 + (self.y.1 - self.y.0) * share,
            );
            self.line(&[(self.x.0, y), (self.x.1, y)], PALE);
            let (place, label) = (self.at(x, self.y.0), short(x));
            let middle = place.0 - 4.0 * label.len() as f32;
            text(self.pixels, &label, middle, place.1 + 10.0, 1, INK);
            let (place, label) = (self.at(self.x.0, y), short(y));
            let before = place.0 - 8.0 - 8.0 * label.len() as f32;
            text(self.pixels, &label, before, place.1 - 4.0, 1, INK);
        }
        self.line(&[(self.x.0, self.y.1), (self.x.0, self.y.0), (self.x.1, self.y.0)], INK);
        let (right, bottom) = self.at(self.x.1, self.y.0);
        let before = right - 8.0 * unit.len() as f32;
        text(self.pixels, unit, before, bottom + 28.0, 1, INK);
    }

    fn line(&mut self, points: &[(f64, f64)], colour: [u8; 3]) {
        let mut path = PathBuilder::new();
        for (i, (x, y)) in points.iter().enumerate() {
            let (x, y) = self.at(*x, *y);
            if i == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
        }
        let Some(path) = path.finish() else { return };
        let width = if colour == PALE { 1.0 } else { 2.0 };
        let stroke = Stroke { width, ..Stroke::default() };
        self.pixels.stroke_path(&path, &paint(colour), &stroke, Transform::identity(), None);
    }

    fn bar(&mut self, from: f64, to: f64, height: f64, colour: [u8; 3]) {
        let ((left, top), (right, bottom)) = (self.at(from, height), self.at(to, self.y.0));
        if let Some(bar) = Rect::from_ltrb(left + 1.0, top, right, bottom - 1.0) {
            self.pixels.fill_rect(bar, &paint(colour), Transform::identity(), None);
        }
    }
}

fn paint(colour: [u8; 3]) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(colour[0], colour[1], colour[2], 255);
    paint
}

/// Letters of eight by eight squares, each so many pixels wide; what the font lacks is left out.
fn text(pixels: &mut Pixmap, text: &str, x: f32, y: f32, scale: u8, colour: [u8; 3]) {
    let scale = f32::from(scale);
    for (i, letter) in text.chars().enumerate() {
        let rows = font8x8::BASIC_FONTS.get(letter).unwrap_or_default();
        for (row, bits) in rows.into_iter().enumerate() {
            for column in (0..8).filter(|column| bits & 1 << column != 0) {
                let left = x + scale * (8 * i + column) as f32;
                let square = Rect::from_xywh(left, y + scale * row as f32, scale, scale);
                if let Some(square) = square {
                    pixels.fill_rect(square, &paint(colour), Transform::identity(), None);
                }
            }
        }
    }
}

/// The least round number that is no less, and more than 0.
fn nice(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|nice| *nice >= value).unwrap_or(value)
}

fn short(value: f64) -> String {
    if value.abs() >= 10.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::queue_sim::play::{End, Ticket};

    fn ticket(i: u64, end: End) -> Ticket {
        let wait = Duration::from_millis(100 * i);
        Ticket { rating: 1000.0 + 10.0 * i as f32, wait, end }
    }

    /// Where the picture of these tickets is blue.
    fn blue(tickets: Vec<Ticket>) -> Vec<(u32, u32)> {
        let outcome = Outcome { queue: "q".to_owned(), n_matches: 1, tickets };
        let png = draw(&outcome, &Figures::of(&outcome)).unwrap();
        let picture = Pixmap::decode_png(&png).unwrap();
        let is_blue = |(x, y): &(u32, u32)| {
            let pixel = picture.pixel(*x, *y).unwrap();
            [pixel.red(), pixel.green(), pixel.blue()] == BLUE
        };
        (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y))).filter(is_blue).collect()
    }

    #[test]
    fn a_picture_has_what_was_drawn_and_none_is_empty() {
        for n in [0, 1, 100] {
            let tickets = (0..n).map(|i| ticket(i, End::Matched { gap: i as f32 }));
            let n_blue = blue(tickets.collect()).len();
            assert!(n_blue > if n == 100 { 5_000 } else { 0 }, "{n}: {n_blue}");
        }
    }

    #[test]
    fn who_went_without_is_missing_at_the_end_of_the_curve() {
        let ends = [End::Matched { gap: 9.0 }, End::GivenUp, End::Refused];
        for (n, share) in [(1, 1.0), (2, 0.5), (3, 0.5)] {
            let tickets = (0..300).map(|i| ticket(i, ends[i as usize % n])).collect();
            let curve = blue(tickets).into_iter().filter(|(x, _)| *x < PANEL as u32);
            let top = curve.map(|(_, y)| y).min().unwrap();
            let expected = TOP + (HEIGHT as f32 - TOP - BOTTOM) * (1.0 - share);
            assert!((top as f32 - expected).abs() < 4.0, "{share}: {top}, not {expected}");
        }
    }

    #[test]
    fn axes_end_at_round_numbers() {
        for (value, end) in
            [(0.0, 1.0), (0.3, 0.5), (1.0, 1.0), (7.2, 10.0), (43.0, 50.0), (210.0, 250.0)]
        {
            assert!((nice(value) - end).abs() < 1e-9, "{value}: {}", nice(value));
        }
    }
}
