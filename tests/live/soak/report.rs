//! A long run as one page of HTML: plots over time, drawn as SVG in it. It fetches nothing.

use std::fmt::Write;

use super::watch::{Sample, Verdict};

/// All that the page tells.
pub struct Report<'a> {
    pub title: String,
    /// Name and value.
    pub facts: Vec<(&'static str, String)>,
    pub verdicts: &'a [Verdict],
    pub asserted: bool,
    pub samples: &'a [Sample],
    /// When and what.
    pub faults: &'a [(f64, &'static str)],
}

const STYLE: &str = "
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; background: #fff; max-width: 980px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.05rem; margin: 2rem 0 .2rem } p { margin: .3rem 0 .6rem; max-width: 48rem }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #e4e7eb }
th { font-weight: 600; white-space: nowrap } .yes { color: #1b6e3c; font-weight: 600 } .no { color: #b42318; font-weight: 600 }
svg { display: block; width: 100%; height: auto } svg text { font: 11px system-ui, sans-serif; fill: #52606d }
.grid { stroke: #e4e7eb } .line { fill: none; stroke: #1f5fa8; stroke-width: 1.3; stroke-linejoin: round } .mark { fill: #b45309 }";

/// Of a plot in its picture: left, top, width, height.
const BOX: (f64, f64, f64, f64) = (86.0, 10.0, 850.0, 150.0);

impl Report<'_> {
    pub fn html(&self) -> String {
        let span = self.samples.last().map_or(1.0, |last| last.at).max(1.0);
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{0}</title>\n\
             <style>{STYLE}\n</style>\n<h1>{0}</h1>\n",
            text(&self.title)
        );
        page += "<p>Load as fast as it goes, and something that breaks every few seconds. What was delivered is compared with \
                 the table, event by event. <a href=\"soak.md\">How it is done.</a></p>\n<table>\n";
        for (name, value) in &self.facts {
            writeln!(page, "<tr><th>{}<td>{}", text(name), text(value)).expect("a string grows");
        }
        page += "</table>\n<h2>Does it stay the same?</h2>\n<table>\n<tr><th>what<th>measured<th>rule<th>\n";
        for verdict in self.verdicts {
            let (class, word) = match (self.asserted, verdict.holds) {
                (_, true) => ("yes", "holds"),
                (true, false) => ("no", "broken"),
                (false, false) => ("", "too short a run to tell"),
            };
            writeln!(
                page,
                "<tr><th>{}<td>{}<td>{}<td class=\"{class}\">{word}",
                text(verdict.what),
                text(&verdict.measured),
                text(verdict.rule)
            )
            .expect("a string grows");
        }
        page += "</table>\n";
        let rate = self.samples.windows(2).map(|pair| {
            let seconds = (pair[1].at - pair[0].at).max(0.001);
            (pair[1].at, (pair[1].events - pair[0].events) / seconds)
        });
        let of =
            |value: fn(&Sample) -> f64| self.samples.iter().map(move |sample| (sample.at, value(sample)));
        let mb = (1 << 20) as f64;
        page += &plot("Rate, thousand events a second", span, rate.map(|(at, rate)| (at, rate / 1e3)));
        page += &plot(
            "Lag, MB of log behind the server",
            span,
            of(|sample| sample.lag).map(|(at, lag)| (at, lag / mb)),
        );
        page += &plot(
            "Resident memory, MB",
            span,
            of(|sample| sample.resident).map(|(at, size)| (at, size / mb)),
        );
        page += &plot("Reconnects so far", span, of(|sample| sample.reconnects));
        page += &plot("Descriptors", span, of(|sample| sample.descriptors));
        page += &plot("Threads", span, of(|sample| sample.threads));
        page += &self.marks(span);
        page + "</html>\n"
    }

    /// A row a kind of fault, a dot each time.
    fn marks(&self, span: f64) -> String {
        let mut kinds: Vec<_> = self.faults.iter().map(|fault| fault.1).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let (left, _, width, _) = BOX;
        let (left, width) = (left + 80.0, width - 80.0);
        let height = 18.0 * kinds.len() as f64 + 30.0;
        let mut svg = format!(
            "<h2>Faults</h2>\n<svg viewBox=\"0 0 970 {height}\" role=\"img\" aria-label=\"Faults over time\">\n"
        );
        for (row, kind) in kinds.iter().enumerate() {
            let y = 18.0 * row as f64 + 14.0;
            let times = self.faults.iter().filter(|fault| fault.1 == *kind);
            writeln!(
                svg,
                "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{} ({})</text>\
                 <path class=\"grid\" d=\"M{left} {y}h{width}\"/>",
                left - 8.0,
                y + 4.0,
                text(kind),
                times.clone().count()
            )
            .expect("a string grows");
            for (at, _) in times {
                write!(
                    svg,
                    "<circle class=\"mark\" cx=\"{:.1}\" cy=\"{y}\" r=\"2.5\"/>",
                    left + width * at / span
                )
                .expect("a string grows");
            }
        }
        svg + &time_axis(span, left, width, height - 6.0) + "</svg>\n"
    }
}

fn plot(title: &str, span: f64, points: impl Iterator<Item = (f64, f64)>) -> String {
    let points = thin(points.collect(), span);
    let (left, top, width, height) = BOX;
    let most = points.iter().map(|point| point.1).fold(0.0, f64::max);
    let step = step(most, 4.0);
    let limit = (most / step).ceil().max(1.0) * step;
    let mut svg = format!(
        "<h2>{title}</h2>\n<svg viewBox=\"0 0 970 185\" role=\"img\" aria-label=\"{title}, over time\">\n"
    );
    let mut value = 0.0;
    while value <= limit * 1.001 {
        let y = top + height * (1.0 - value / limit);
        writeln!(
            svg,
            "<path class=\"grid\" d=\"M{left} {y:.1}h{width}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 8.0,
            y + 4.0,
            number(value, step)
        )
        .expect("a string grows");
        value += step;
    }
    svg += "<polyline class=\"line\" points=\"";
    for (at, value) in points {
        write!(svg, "{:.1},{:.1} ", left + width * at / span, top + height * (1.0 - value / limit))
            .expect("a string grows");
    }
    svg += "\"/>\n";
    svg + &time_axis(span, left, width, top + height + 16.0) + "</svg>\n"
}

fn time_axis(span: f64, left: f64, width: f64, y: f64) -> String {
    let (unit, name) = if span >= 300.0 { (60.0, "min") } else { (1.0, "s") };
    let step = step(span / unit, 8.0);
    let marks = (0..).map(|index| f64::from(index) * step).take_while(|at| at * unit <= span);
    let mark = |at: f64| {
        let x = left + width * at * unit / span;
        format!("<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{} {name}</text>", number(at, step))
    };
    marks.map(mark).collect()
}

/// 1, 2 or 5 times a power of ten, so that about `wanted` of them reach `limit`.
fn step(limit: f64, wanted: f64) -> f64 {
    let least = (limit / wanted).max(1e-3);
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].map(|times| times * power).into_iter().find(|step| *step >= least).unwrap_or(10.0 * power)
}

fn number(value: f64, step: f64) -> String {
    let digits = if step >= 1.0 { 0 } else { step.log10().abs().ceil() as usize };
    format!("{value:.digits$}")
}

/// More points than the plot is wide show nothing: of each group the highest and the lowest stay.
fn thin(points: Vec<(f64, f64)>, span: f64) -> Vec<(f64, f64)> {
    let width = span / 425.0;
    let group = |point: &(f64, f64)| (point.0 / width) as u64;
    let keep = |points: &[(f64, f64)]| {
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let ends = [points.iter().min_by(by_value), points.iter().max_by(by_value)];
        let mut ends: Vec<_> = ends.into_iter().flatten().copied().collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        ends
    };
    points.chunk_by(|a, b| group(a) == group(b)).flat_map(keep).collect()
}

fn text(plain: &str) -> String {
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
