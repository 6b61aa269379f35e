//! The table as CSV and as a page.

use mamlet_simulator::board::Board;
use maud::{Markup, html};

use super::{Point, SizeTable, front};
use crate::evaluate::Interval;
use crate::page::number::{self, counted, interval, kib, percent, rough};
use crate::page::{Cell, document, figure, section, table};
use crate::plot::{Axis, Marks, Paint, Scatter, Spot, extent, legend, marker};

/// A cost, with its name, how it is drawn, and how it is written at a tick.
type Cost = (&'static str, fn(&Point) -> f64, fn(f64) -> String);

const COSTS: [Cost; 3] = [
    (
        "flash in KiB",
        |point| point.costs.flash as f64 / 1024.0,
        plain_tick,
    ),
    (
        "RAM in KiB",
        |point| point.costs.ram as f64 / 1024.0,
        plain_tick,
    ),
    (
        "multiply-accumulates to learn",
        |point| point.costs.learning as f64,
        |tick| short(&rough(tick as u64)),
    ),
];

fn plain_tick(tick: f64) -> String {
    short(&number::plain(tick))
}

/// Without the zeros behind a point.
fn short(number: &str) -> String {
    let (digits, unit) = number.split_at(number.find(' ').unwrap_or(number.len()));
    match digits.contains('.') {
        true => format!(
            "{}{unit}",
            digits.trim_end_matches('0').trim_end_matches('.')
        ),
        false => number.to_owned(),
    }
}

impl Point {
    /// Its score with the interval, as pages and tables write it.
    pub(crate) fn score_text(&self) -> String {
        let value = Interval {
            mean: self.score.mean,
            half_width: self.score.half_width,
        };
        match self.score.what {
            "accuracy" => percent(value),
            _ => interval(value),
        }
    }

    /// The boards it fits on, in words.
    pub(crate) fn fitting(&self) -> String {
        let has = |board: &Board| self.boards.contains(&board.name);
        let missing: Vec<String> = (Board::all().filter(|board| !has(board)))
            .map(|board| board.name)
            .collect();
        match (&missing[..], &self.boards[..]) {
            ([], _) => "all".into(),
            (_, []) => "none".into(),
            (few, some) if few.len() < some.len() => format!("all but {}", few.join(", ")),
            (_, some) => some.join(", "),
        }
    }

    /// In the unit of the value axis.
    fn value(&self) -> f64 {
        match self.score.what {
            "accuracy" => 100.0 * self.score.mean,
            _ => self.score.mean,
        }
    }
}

impl SizeTable {
    /// One row per point below a header, as spreadsheets read it.
    pub fn to_csv(&self) -> String {
        let mut text =
            "width,form,shots,steps,measure,mean,half_width,parameters,adapting,artifact_bytes,\
                        flash_bytes,ram_bytes,learning_macs,prediction_macs,seconds,front,boards\n"
                .to_owned();
        for point in &self.points {
            let Point {
                width,
                form,
                shots,
                steps,
                parameters,
                adapting,
                score,
                costs,
                seconds,
                front,
                boards,
            } = point;
            text += &format!(
                "{width},{form},{shots},{steps},{},{},{},{parameters},{adapting},{},{},{},{},{},\
                 {seconds},{front},{}\n",
                score.what,
                score.mean,
                score.half_width,
                score.bytes,
                costs.flash,
                costs.ram,
                costs.learning,
                costs.prediction,
                boards.join(" ")
            );
        }
        text
    }

    /// What the points are measured by, as a heading.
    pub(crate) fn measure(&self) -> &'static str {
        match self.points.first().map(|point| point.score.what) {
            Some("accuracy") => "accuracy",
            _ => "mean squared error",
        }
    }

    /// How long every width was trained, in words.
    pub(crate) fn training(&self) -> String {
        let [own, full] = [self.iterations, self.full_iterations].map(number::count);
        match self.iterations < self.full_iterations {
            true => format!("{own} of the {full} iterations of its config"),
            false => format!("{own} iterations"),
        }
    }

    /// The page, one file without references to any other.
    pub fn to_html(&self) -> String {
        let front: Vec<&Point> = self.points.iter().filter(|point| point.front).collect();
        let all: Vec<&Point> = self.points.iter().collect();
        let ways = self
            .ways
            .map_or_else(String::new, |ways| format!("{ways}-way "));
        let per = if self.ways.is_some() { "class" } else { "task" };
        let body = html! {
            header {
                h1 { (self.title) ": how small?" }
                p.lead {
                    (self.name) ". Every width was trained for " (self.training())
                    " and evaluated on the engine of the device, as it is exported, on "
                    (number::count(self.tasks as u64)) " " (ways) "test tasks with "
                    (self.queries) " queries per " (per) ", seed " (self.seed)
                    "; ± is half of a 95 % interval over tasks."
                }
            }
            (section("picture", "What it takes", &self.pictures()))
            (section("front", "The points to choose from", &html! {
                p {
                    "Nothing beats these: no other point is as good in " (self.measure()) ", shots, \
                     flash, RAM and arithmetic, and better in one of them. Differences in " (self.measure())
                    " within the intervals may be chance"
                    @if self.iterations < self.full_iterations {
                        ", and widths that a short training leaves behind may catch up"
                    }
                    "."
                }
                (self.table("On the Pareto front", &front))
                details {
                    summary { "All " (counted(all.len(), "point")) }
                    (self.table("All points, the front marked", &all))
                }
                p.note {
                    "Width: factor on the outputs of every hidden layer. Flash: artifact and engine. RAM: \
                     weights that adapt, examples, workspace and stack. MAC: multiply-accumulates, which \
                     times on boards are estimated from; to learn is to add the examples and to adapt to \
                     them. Boards: " (Board::names()) "."
                }
            }))
            (section("how", "How this was made", &html! {
                p { "The same command with the same data gives the same figures:" }
                pre.command { (self.command) }
            }))
        };
        document(&format!("{}: size", self.name), &body)
    }

    fn forms(&self) -> Vec<&'static str> {
        let mut forms: Vec<&'static str> = Vec::new();
        for point in &self.points {
            if !forms.contains(&point.form) {
                forms.push(point.form);
            }
        }
        forms
    }

    /// A row of pictures for every number of shots, a picture for every cost.
    fn pictures(&self) -> Markup {
        let mut shots: Vec<usize> = self.points.iter().map(|point| point.shots).collect();
        shots.sort_unstable();
        shots.dedup();
        let forms = self.forms();
        let names: Vec<(&str, Marks)> = (forms.iter().enumerate())
            .map(|(index, form)| (*form, marks(index)))
            .collect();
        html! {
            p {
                "A point is a network of one width in one form, adapted with one number of steps. The \
                 broken line is the best that a budget buys."
            }
            (legend(&names))
            @for shots in shots {
                h3 { (counted(shots, "shot")) }
                div.small-charts {
                    @for cost in COSTS { (self.picture(shots, cost, &forms)) }
                }
            }
        }
    }

    fn picture(&self, shots: usize, (name, cost, words): Cost, forms: &[&'static str]) -> Markup {
        let own: Vec<&Point> = self
            .points
            .iter()
            .filter(|point| point.shots == shots)
            .collect();
        let accuracy = self.measure() == "accuracy";
        // All pictures of a page are comparable.
        let values = extent(self.points.iter().map(Point::value)).unwrap_or((0.0, 1.0));
        let y = match accuracy {
            true => Axis::percent("accuracy in %", values),
            false => Axis::error(self.measure(), values),
        };
        let costs = self.points.iter().map(cost).filter(|cost| *cost > 0.0);
        let x = Axis::log(name, extent(costs).unwrap_or((1.0, 10.0))).worded(words);
        let cloud = |(index, form): (usize, &&str)| {
            let points = own.iter().filter(|point| point.form == *form);
            let points = points.map(|point| (cost(point), point.value()));
            (marks(index), points.collect())
        };
        let clouds = forms.iter().enumerate().map(cloud).collect();
        let rows: Vec<[f64; 2]> = own
            .iter()
            .map(|point| [cost(point), -point.goodness()])
            .collect();
        let best = rows
            .iter()
            .zip(&own)
            .zip(front(&rows))
            .filter(|(_, front)| *front);
        let mut best: Vec<(f64, f64)> = best
            .map(|((row, point), _)| (row[0], point.value()))
            .collect();
        best.sort_by(|a, b| a.0.total_cmp(&b.0));
        let label = format!(
            "{} against {name}, {}",
            self.measure(),
            counted(shots, "shot")
        );
        let scatter = Scatter {
            front: stairs(x.range().1, &best),
            x,
            y,
            diagonal: false,
            clouds,
            aspect: 0.66,
        };
        figure(&scatter.to_markup(&label, 340.0), "")
    }

    fn table(&self, caption: &str, points: &[&Point]) -> Markup {
        let row = |point: &&Point| {
            let row = vec![
                Cell::text(percentage(point.width)),
                Cell::text(point.form),
                Cell::number(point.shots.to_string()),
                Cell::number(point.steps.to_string()),
                Cell::number(point.score_text()),
                Cell::number(kib(point.costs.flash)),
                Cell::number(kib(point.costs.ram)),
                Cell::number(rough(point.costs.learning)),
                Cell::number(rough(point.costs.prediction)),
                Cell::number(number::seconds(point.seconds)),
                Cell::text(point.fitting()),
            ];
            (point.front && points.len() == self.points.len(), row)
        };
        let learns = format!("learns on {} in", self.board);
        let head = [
            "width",
            "stored as",
            "shots",
            "steps",
            self.measure(),
            "flash",
            "RAM",
            "MAC to learn",
            "MAC to predict",
            &learns,
            "fits on",
        ];
        table(caption, &head, &points.iter().map(row).collect::<Vec<_>>())
    }
}

/// How points of a form are marked. Forms that score alike lie on each other.
fn marks(form: usize) -> Marks {
    Marks::solid(marker(form), 5.4 - 0.8 * form as f64, Paint::Series(form))
}

/// A factor in per cent.
fn percentage(factor: f64) -> String {
    let text = format!("{:.1}", 100.0 * factor);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// From one best point to the next, up to the end of the axis: what a budget between
/// them buys is the cheaper one.
fn stairs(end: f64, best: &[Spot]) -> Vec<Spot> {
    let mut corners = Vec::with_capacity(2 * best.len());
    let mut height = None;
    for &(cost, value) in best {
        corners.extend(height.map(|height| (cost, height)));
        corners.push((cost, value));
        height = Some(value);
    }
    corners.extend(height.map(|height| (end, height)));
    corners
}
