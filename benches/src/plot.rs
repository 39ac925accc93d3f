//! Curves as an SVG: a cost against sizes, which stand on a logarithmic scale.

use plotters::prelude::{
    BLACK, BLUE, ChartBuilder, GREEN, IntoDrawingArea as _, IntoLogRange as _, LineSeries,
    PathElement, RED, RGBColor, SVGBackend, WHITE,
};
use std::path::Path;

/// A curve: what the size is of, and a cost for each size.
pub type Curve = (&'static str, Vec<(f64, f64)>);

const COLORS: [RGBColor; 3] = [RED, BLUE, GREEN];

/// Draws at most three curves into a file.
pub fn draw(file: &Path, title: &str, unit: &str, curves: &[Curve]) -> anyhow::Result<()> {
    let points = || curves.iter().flat_map(|(_, points)| points);
    let least = points().map(|(size, _)| *size).fold(f64::INFINITY, f64::min);
    let most = points().map(|(size, _)| *size).fold(0.0, f64::max);
    let dearest = points().map(|(_, cost)| *cost).fold(0.0, f64::max);
    let area = SVGBackend::new(file, (800, 480)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d((least..most).log_scale(), 0.0..dearest * 1.2)?;
    chart.configure_mesh().x_desc("how many").y_desc(unit).draw()?;
    for ((what, points), color) in curves.iter().zip(&COLORS) {
        let drawn = chart.draw_series(LineSeries::new(points.iter().copied(), color))?;
        drawn.label(*what).legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color));
    }
    chart.configure_series_labels().background_style(WHITE).border_style(BLACK).draw()?;
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::draw;

    #[test]
    fn every_curve_is_in_the_picture() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let curve = |cost: f64| [10.0, 1_000.0].map(|size| (size, cost)).to_vec();
        let curves = [("agents", curve(5.0)), ("roles", curve(6.0))];
        draw(file.path(), "One event", "µs", &curves).unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(text.contains("agents") && text.contains("roles"));
    }
}
