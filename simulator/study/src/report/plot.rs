//! Curves over something that is measured, and a map of squares: charts of single runs.

use super::chart::{Area, COLOURS, Chart, Drawn, chart};
use plotters::{
    prelude::{
        BLACK, ChartBuilder, LineSeries, PathElement, RGBColor, Rectangle, SVGBackend, WHITE,
    },
    style::Color as _,
};

/// More points beside each other are not seen.
pub(super) const POINTS: usize = 2_000;
/// More lines in one chart cannot be told apart.
const LINES_MAX: usize = 16;

/// What runs from left to right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    /// With its unit.
    pub(super) name: &'static str,
    /// Whether places are powers of ten.
    pub(super) is_log: bool,
}

/// Squares in rows, from above.
#[derive(Debug)]
pub(super) struct Map {
    pub(super) columns: usize,
    pub(super) squares: Vec<f64>,
    /// How many machines stand behind all rows.
    pub(super) machines: u64,
    /// Where the last column ends.
    pub(super) until: f64,
}

/// Curves by name; `None` when there is nothing to see.
pub(super) fn curves(
    file: &str,
    title: &str,
    x: Axis,
    curves: &[(String, Vec<(f64, f64)>)],
) -> Option<Chart> {
    let curves: Vec<_> = curves.iter().filter(|(_, points)| points.len() > 1).collect();
    let points = || curves.iter().flat_map(|(_, points)| points);
    let least = |of: fn(&(f64, f64)) -> f64| points().map(of).reduce(f64::min);
    let most = |of: fn(&(f64, f64)) -> f64| points().map(of).reduce(f64::max);
    let (left, right) = (least(|point| point.0)?, most(|point| point.0)?);
    let top = most(|point| point.1)?.max(1e-9) * 1.05;
    if curves.len() > LINES_MAX || right <= left {
        return None;
    }
    let draw = |area: &Area<'_>| -> Drawn<'_> {
        let mut chart = frame(area, title).build_cartesian_2d(left..right, 0.0..top)?;
        let power = |place: &f64| match x.is_log {
            true => short(10.0_f64.powf(*place)),
            false => short(*place),
        };
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc(x.name)
            .x_label_formatter(&power)
            .draw()?;
        for ((name, points), colour) in curves.iter().zip(COLOURS.iter().cycle()) {
            let line = LineSeries::new(points.iter().copied(), colour.stroke_width(2));
            chart.draw_series(line)?.label(name.as_str()).legend(move |(x, y)| {
                PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2))
            });
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK)
            .draw()?;
        Ok(())
    };
    chart(file, |area| Some(draw(area).is_ok()))
}

/// What both have around them.
fn frame<'a, 'b>(area: &'a Area<'b>, title: &str) -> ChartBuilder<'a, 'a, SVGBackend<'b>> {
    let mut frame = ChartBuilder::on(area);
    frame.caption(title, ("sans-serif", 20)).margin(12).x_label_area_size(44).y_label_area_size(64);
    frame
}

/// A map; `None` when all of it is empty.
pub(super) fn map(file: &str, title: &str, unit: &'static str, map: &Map) -> Option<Chart> {
    let most = map.squares.iter().copied().fold(0.0, f64::max);
    let rows = map.squares.len() / map.columns;
    if most <= 0.0 {
        return None;
    }
    let draw = |area: &Area<'_>| -> Drawn<'_> {
        let mut chart =
            frame(area, title).build_cartesian_2d(0.0..map.until, map.machines as f64..0.0)?;
        chart.configure_mesh().disable_mesh().x_desc(unit).y_desc("machine").draw()?;
        let (width, height) = (map.until / map.columns as f64, map.machines as f64 / rows as f64);
        let squares = map.squares.iter().enumerate().map(|(index, amount)| {
            let (row, column) = ((index / map.columns) as f64, (index % map.columns) as f64);
            let corners =
                [(column * width, row * height), ((column + 1.0) * width, (row + 1.0) * height)];
            Rectangle::new(corners, shade(amount / most).filled())
        });
        chart.draw_series(squares)?;
        Ok(())
    };
    chart(file, |area| Some(draw(area).is_ok()))
}

/// From nearly white to dark blue, evenly for the eye.
fn shade(part: f64) -> RGBColor {
    let between = |light: f64, dark: f64| (light + (dark - light) * part.clamp(0.0, 1.0)) as u8;
    RGBColor(between(247.0, 8.0), between(251.0, 48.0), between(255.0, 107.0))
}

/// With as many digits as tell something.
fn short(number: f64) -> String {
    match number.abs() {
        size if size >= 10.0 || size == 0.0 => format!("{number:.0}"),
        size if size >= 1.0 => format!("{number:.1}"),
        _ => format!("{number:.3}"),
    }
}
