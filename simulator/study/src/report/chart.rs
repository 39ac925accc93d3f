//! Charts as SVG: curves with the interval that holds the mean in 95 of 100 studies, and numbers as
//! points with the same. Nothing is drawn that is not in the tables.

use crate::{
    outcome::{Group, Outcome},
    statistics::Mean,
};
use plotters::{
    coord::Shift,
    prelude::{
        BLACK, ChartBuilder, Circle, DrawingArea, DrawingAreaErrorKind, DrawingBackend,
        IntoDrawingArea as _, LineSeries, PathElement, Polygon, RGBColor, SVGBackend, WHITE,
    },
    style::Color as _,
};
use std::collections::BTreeSet;

/// Colours that are told apart without telling red from green (Okabe and Ito, 2008).
pub(super) const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(213, 94, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
    RGBColor(240, 228, 66),
];

/// More lines in one chart cannot be told apart.
const LINES_MAX: usize = 16;
/// More points beside each other cannot be read.
const POINTS_MAX: usize = 48;
const SIZE: (u32, u32) = (960, 480);

/// A chart.
#[derive(Debug)]
pub(super) struct Chart {
    /// Of which measure, or its file without the end.
    pub(super) name: String,
    pub(super) svg: String,
}

/// A chart for each measure; none for those with too many lines.
pub(super) fn all(outcome: &Outcome) -> Vec<Chart> {
    let groups = &outcome.groups;
    let curves: BTreeSet<_> = groups.iter().flat_map(|it| it.curves.keys()).collect();
    let scalars: BTreeSet<_> = groups.iter().flat_map(|it| it.scalars.keys()).collect();
    let of_curves = curves.into_iter().filter_map(|name| {
        (groups.len() <= LINES_MAX).then(|| chart(name, |area| lines(area, name, groups)))?
    });
    let of_scalars = scalars.into_iter().filter_map(|name| {
        (groups.len() <= POINTS_MAX).then(|| chart(name, |area| points(area, name, groups)))?
    });
    of_curves.chain(of_scalars).collect()
}

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Drawn<'a> =
    Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

/// `None` when there is nothing to draw, or what there is has no size.
pub(super) fn chart(name: &str, draw: impl Fn(&Area<'_>) -> Option<bool>) -> Option<Chart> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).ok()?;
        draw(&area).filter(|drawn| *drawn)?;
        area.present().ok()?;
    }
    Some(Chart { name: name.to_owned(), svg })
}

/// What tells a group from others.
pub(super) fn title(group: &Group) -> String {
    let values: Vec<&str> = group.labels.values().map(String::as_str).collect();
    if values.is_empty() { "all runs".to_owned() } else { values.join(", ") }
}

/// The least and the most of means with their intervals, with some room around.
fn span<'a>(means: impl Iterator<Item = &'a Mean>) -> Option<(f64, f64)> {
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for mean in means {
        least = least.min(mean.mean - mean.interval);
        most = most.max(mean.mean + mean.interval);
    }
    let room = ((most - least) * 0.05).max(most.abs() * 1e-3).max(1e-9);
    (least.is_finite() && most.is_finite()).then_some((least - room, most + room))
}

fn lines(area: &Area<'_>, name: &str, groups: &[Group]) -> Option<bool> {
    let curves: Vec<_> =
        groups.iter().filter_map(|group| Some((title(group), group.curves.get(name)?))).collect();
    let (least, most) = span(curves.iter().flat_map(|(_, curve)| curve.values()))?;
    let places = || curves.iter().flat_map(|(_, curve)| curve.keys().copied());
    let (first, last) = (places().min()?, places().max()?.max(places().min()? + 1));
    let draw = || -> Drawn<'_> {
        let mut chart = ChartBuilder::on(area)
            .caption(name, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(64)
            .build_cartesian_2d(f64::from(first)..f64::from(last), least..most)?;
        chart.configure_mesh().light_line_style(WHITE).draw()?;
        for ((title, curve), colour) in curves.iter().zip(COLOURS.iter().cycle()) {
            let over = |at: &u32, y: f64| (f64::from(*at), y);
            let upper = curve.iter().map(|(at, mean)| over(at, mean.mean + mean.interval));
            let lower = curve.iter().rev().map(|(at, mean)| over(at, mean.mean - mean.interval));
            let band: Vec<_> = upper.chain(lower).collect();
            chart.draw_series([Polygon::new(band, colour.mix(0.15))])?;
            let line = curve.iter().map(|(at, mean)| over(at, mean.mean));
            let drawn = chart.draw_series(LineSeries::new(line, colour.stroke_width(2)))?;
            drawn.label(title).legend(move |(x, y)| {
                PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2))
            });
        }
        chart.configure_series_labels().background_style(WHITE).border_style(BLACK).draw()?;
        Ok(())
    };
    Some(draw().is_ok())
}

fn points(area: &Area<'_>, name: &str, groups: &[Group]) -> Option<bool> {
    let means: Vec<_> =
        groups.iter().filter_map(|group| Some((title(group), group.scalars.get(name)?))).collect();
    let (least, most) = span(means.iter().map(|(_, mean)| *mean))?;
    let count = means.len();
    let draw = || -> Drawn<'_> {
        let longest = means.iter().map(|(title, _)| title.len()).max().unwrap_or(0);
        let mut chart = ChartBuilder::on(area)
            .caption(name, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(36)
            // About as wide as the longest title is.
            .y_label_area_size((longest as u32 * 7).clamp(48, 360))
            .build_cartesian_2d(least..most, -0.5..count as f64 - 0.5)?;
        let label = |row: &f64| {
            // Rows are counted from the bottom.
            let index = count as f64 - 1.0 - row.round();
            let is_row = (row - row.round()).abs() < 0.01 && (0.0..count as f64).contains(&index);
            if is_row { means[index as usize].0.clone() } else { String::new() }
        };
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .y_labels(2 * count + 1)
            .y_label_formatter(&label)
            .draw()?;
        for (index, ((_, mean), colour)) in means.iter().zip(COLOURS.iter().cycle()).enumerate() {
            let row = (count - 1 - index) as f64;
            let (left, right) = (mean.mean - mean.interval, mean.mean + mean.interval);
            let line = PathElement::new([(left, row), (right, row)], colour.stroke_width(2));
            chart.draw_series([line])?;
            chart.draw_series([Circle::new((mean.mean, row), 4, colour.filled())])?;
        }
        Ok(())
    };
    Some(draw().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(policy: &str, mean: f64) -> Group {
        let mean = Mean { count: 3, mean, interval: 0.5, ..Mean::default() };
        Group {
            labels: [("policy".to_owned(), policy.to_owned())].into(),
            scalars: [("placed".to_owned(), mean)].into(),
            curves: [("allocated".to_owned(), [(0, mean), (10, mean)].into())].into(),
            ..Group::default()
        }
    }

    #[test]
    fn every_measure_has_a_chart_with_every_group() {
        let outcome = Outcome {
            groups: vec![group("pack", 3.0), group("spread", 5.0)],
            ..Outcome::default()
        };
        let charts = all(&outcome);
        let names: Vec<_> = charts.iter().map(|chart| chart.name.as_str()).collect();
        assert_eq!(names, ["allocated", "placed"]);
        for chart in charts {
            assert!(chart.svg.contains("pack") && chart.svg.contains("spread"), "{}", chart.name);
            assert!(chart.svg.trim_end().ends_with("</svg>"));
        }
        assert!(all(&Outcome::default()).is_empty());
    }
}
