//! The layout of the panels of a chart: plots of one size in a grid.

use super::axis::{Direction, Room, Ticks};
use super::chart::{Chart, Layer, Panel};
use super::drawing::{Align, Drawing, Spot};
use super::layout::{Font, GAP, LINE, greatest};
use super::text::{self, wrap};
use super::theme::{Paint, Stroke};

/// The size of the title of a panel, as a part of that of labels.
const TITLE: f64 = 1.05;

/// Panels and the sizes that they have in common.
pub(super) struct Grid<'a> {
    chart: &'a Chart,
    columns: usize,
    /// From the left of a panel to the left of the next.
    pitch: f64,
    /// The room for tick labels at the left of a plot.
    before: f64,
    /// Width and height of a plot.
    plot: (f64, f64),
    cells: Vec<Cell<'a>>,
}

struct Cell<'a> {
    panel: &'a Panel,
    title: Vec<String>,
    x: Ticks,
    y: Ticks,
}

impl<'a> Grid<'a> {
    pub(super) fn of(chart: &'a Chart) -> Self {
        let text = chart.text;
        let columns = chart.columns.max(1);
        let between = 1.4 * text;
        let pitch = (chart.inner_width() + between) / columns as f64;
        let cell = pitch - between;
        let room = |direction: Direction, length: f64| Room {
            direction,
            length,
            text,
        };
        let height = chart.aspect * cell;
        let ys: Vec<Ticks> = (chart.panels.iter())
            .map(|panel| panel.y.ticks(room(Direction::Upwards, height)))
            .collect();
        let labels = ys.iter().flat_map(|ticks| &ticks.labelled);
        let widths: Vec<f64> = labels.map(|(_, label)| text::width(label, text)).collect();
        let before = greatest(&widths) + GAP * text;
        // The last label of an axis across may reach beyond its end.
        let most = cell - before;
        let over = chart.panels.iter().map(|panel| {
            let ticks = panel.x.ticks(room(Direction::Across, most));
            overhang(&ticks, most, text)
        });
        let width = most - over.fold(4.0, f64::max);
        let cells = chart.panels.iter().zip(ys).map(|(panel, y)| Cell {
            panel,
            title: wrap(&panel.title, TITLE * text, width),
            x: panel.x.ticks(room(Direction::Across, width)),
            y,
        });
        Self {
            chart,
            columns,
            pitch,
            before,
            plot: (width, height),
            cells: cells.collect(),
        }
    }

    /// Draws the panels below `top`; where they end.
    pub(super) fn draw(&self, drawing: &mut Drawing, mut top: f64) -> f64 {
        let text = self.chart.text;
        let (width, height) = self.plot;
        let names = Font::plain(text, Paint::Ink);
        for (row, cells) in self.cells.chunks(self.columns).enumerate() {
            let head = self.head(cells);
            let bottom = top + head.height + height;
            let mut is_named = false;
            for (column, cell) in cells.iter().enumerate() {
                let left = self.chart.margin + column as f64 * self.pitch;
                let rect = Rect {
                    left: left + self.before,
                    top: top + head.height,
                    width,
                    height,
                };
                let title = Font::bold(TITLE * text);
                title.paragraph(drawing, &cell.title, (rect.left, top));
                let (x, align) = match head.beside {
                    true => (rect.left - GAP * text, Align::Right),
                    false => (left, Align::Left),
                };
                let name = match head.beside {
                    true => Font::plain(text, Paint::Soft),
                    false => names,
                };
                name.write(drawing, &cell.panel.y.name, (x, top + head.name), align);
                rect.axes(drawing, (&cell.x, &cell.y), text);
                // The lowest panel of a column names the axis across.
                if (row + 1) * self.columns + column >= self.cells.len() {
                    let at = (rect.left + 0.5 * width, bottom + (GAP + 1.9) * text);
                    names.write(drawing, &cell.panel.x.name, at, Align::Center);
                    is_named = true;
                }
                for layer in &cell.panel.layers {
                    cell.panel.layer(drawing, &rect, layer);
                }
            }
            top = bottom + if is_named { 3.0 } else { 1.9 } * text;
        }
        top
    }

    /// The part of a row that is above the plots.
    fn head(&self, cells: &[Cell]) -> Head {
        let text = self.chart.text;
        let lines = cells.iter().map(|cell| cell.title.len()).max();
        let titles = LINE * TITLE * text * lines.unwrap_or(0) as f64;
        let widths: Vec<f64> = (cells.iter())
            .map(|cell| text::width(&cell.panel.y.name, text))
            .collect();
        // Beside titles there is room for a short name of an axis.
        let beside = titles > 0.0 && greatest(&widths) <= self.before - GAP * text;
        let rows = if beside || greatest(&widths) == 0.0 {
            0.0
        } else {
            LINE * text
        };
        Head {
            beside,
            name: titles + rows - 0.5 * LINE * text,
            height: titles + rows + 0.45 * text,
        }
    }
}

/// What is above the plots of a row: titles and the names of the axes upwards.
struct Head {
    /// Whether the names stand beside the titles.
    beside: bool,
    /// The middle of the names.
    name: f64,
    height: f64,
}

/// How far the labels of an axis across reach beyond its right end.
fn overhang(ticks: &Ticks, length: f64, text: f64) -> f64 {
    ticks.labelled.last().map_or(0.0, |(share, label)| {
        0.5 * text::width(label, text) - (1.0 - share) * length
    })
}

/// The place of a plot.
#[derive(Debug, Clone, Copy)]
struct Rect {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Rect {
    /// A place by its shares of the axes.
    fn at(&self, x: f64, y: f64) -> Spot {
        (
            self.left + x * self.width,
            self.top + (1.0 - y) * self.height,
        )
    }

    /// Grid, axes and tick labels.
    fn axes(&self, drawing: &mut Drawing, (x, y): (&Ticks, &Ticks), text: f64) {
        let column = |share: f64| vec![self.at(share, 0.0), self.at(share, 1.0)];
        let row = |share: f64| vec![self.at(0.0, share), self.at(1.0, share)];
        let fine = Stroke::solid(Paint::FineGrid, 1.0);
        let of_x = x.fine.iter().map(|&share| column(share));
        drawing.lines(fine, of_x.chain(y.fine.iter().map(|&share| row(share))));
        let grid = Stroke::solid(Paint::Grid, 1.0);
        let of_x = x.labelled.iter().map(|tick| column(tick.0));
        drawing.lines(grid, of_x.chain(y.labelled.iter().map(|tick| row(tick.0))));
        let corner = vec![self.at(0.0, 1.0), self.at(0.0, 0.0), self.at(1.0, 0.0)];
        drawing.lines(Stroke::solid(Paint::Axis, 1.2), [corner]);
        let labels = Font::plain(text, Paint::Soft);
        for (share, label) in &y.labelled {
            let (left, middle) = self.at(0.0, *share);
            labels.write(drawing, label, (left - GAP * text, middle), Align::Right);
        }
        for (share, label) in &x.labelled {
            let (middle, bottom) = self.at(*share, 0.0);
            let at = (middle, bottom + (GAP + 0.4) * text);
            labels.write(drawing, label, at, Align::Center);
        }
    }
}

impl Panel {
    fn layer(&self, drawing: &mut Drawing, rect: &Rect, layer: &Layer) {
        let place = |&(x, y): &Spot| rect.at(self.x.share(x), self.y.share(y));
        let places = |points: &[Spot]| -> Vec<Spot> { points.iter().map(place).collect() };
        match layer {
            Layer::Band(paint, [upper, lower]) => {
                let edge = upper.iter().chain(lower.iter().rev()).map(place);
                drawing.area(*paint, 0.17, edge.collect());
            }
            Layer::Line(stroke, points) => drawing.lines(*stroke, [places(points)]),
            Layer::Faint(stroke, points) => drawing.stroked(*stroke, 0.4, [places(points)]),
            Layer::Marks(marks, points) => drawing.marks(marks, places(points)),
        }
    }
}
