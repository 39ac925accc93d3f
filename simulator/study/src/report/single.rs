//! What records of single runs show, where somebody asked for them: resources, queues and shares
//! over time, how long tasks waited, and which machines were busy when.

use super::{Summary, chart::Chart, plot};
use crate::campaign;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead as _, BufReader},
    path::Path,
};

/// Runs that are drawn: the first ones that have records.
const RUNS_MAX: usize = 8;
/// Squares of a map of machines: rows and columns.
const ROWS_MAX: u64 = 64;
const COLUMNS: u64 = 120;
/// Steps of a wait that is ten times as long.
const STEPS: f64 = 20.0;

/// Charts of the first runs of which there are records, by their directories.
pub(super) fn all(summary: &Summary, directory: &Path) -> io::Result<Vec<Chart>> {
    let mut charts = Vec::new();
    let mut drawn = 0;
    for (number, run) in summary.each.iter().enumerate() {
        let below = campaign::directory(directory, number);
        if drawn == RUNS_MAX || !below.is_dir() {
            continue;
        }
        let labels = run.labels.values().cloned();
        let repeats = run.repeats.iter().map(|(name, value)| format!("{name} {value}"));
        let words: Vec<String> = labels.chain(repeats).collect();
        let place = Place { of: words.join(", "), file: format!("runs/{number:05}") };
        let before = charts.len();
        if let Some(rows) = Rows::open(&below.join("timeline.csv"))? {
            charts.extend(over_time(&place, rows)?);
        }
        let tasks = below.join("tasks.csv");
        if let Some(rows) = Rows::open(&tasks)? {
            charts.extend(waits(&place, rows)?);
        }
        if let (Some(rows), Some(again)) = (Rows::open(&tasks)?, Rows::open(&tasks)?) {
            charts.extend(machines(&place, rows, again)?);
        }
        drawn += usize::from(charts.len() > before);
    }
    Ok(charts)
}

/// Which run, in words and as a directory.
struct Place {
    of: String,
    file: String,
}

impl Place {
    fn title(&self, what: &str) -> String {
        if self.of.is_empty() { what.to_owned() } else { format!("{what} — {}", self.of) }
    }

    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.file)
    }
}

/// A table of comma-separated values, line by line.
struct Rows {
    titles: Vec<String>,
    lines: io::Lines<BufReader<File>>,
}

impl Rows {
    /// `None` when there is no such file, or nothing in it.
    fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(problem) => return Err(problem),
        };
        let mut lines = BufReader::new(file).lines();
        let Some(titles) = lines.next().transpose()? else { return Ok(None) };
        Ok(Some(Self { titles: split(&titles), lines }))
    }

    fn column(&self, title: &str) -> Option<usize> {
        self.titles.iter().position(|it| it == title)
    }

    fn next(&mut self) -> io::Result<Option<Vec<String>>> {
        Ok(self.lines.next().transpose()?.map(|line| split(&line)))
    }
}

/// The cells of a line; within quotes a comma is a comma.
fn split(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => cell.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            _ => cell.push(letter),
        }
    }
    cells.push(cell);
    cells
}

fn number(cells: &[String], column: usize) -> Option<f64> {
    cells.get(column)?.parse().ok()
}

/// Hours, or seconds where it is over before two hours are.
fn unit(end_ns: f64) -> (f64, &'static str) {
    if end_ns > 7.2e12 { (3.6e12, "hours") } else { (1e9, "seconds") }
}

/// Parts in use, queues and shares.
fn over_time(place: &Place, mut rows: Rows) -> io::Result<Vec<Chart>> {
    let Some(at) = rows.column("at_ns") else { return Ok(Vec::new()) };
    let titles = rows.titles.clone();
    let mut lines = Vec::new();
    while let Some(cells) = rows.next()? {
        let numbers: Vec<f64> =
            (0..titles.len()).map(|column| number(&cells, column).unwrap_or(0.0)).collect();
        lines.push(numbers);
        // A picture has no more than so many points beside each other.
        if lines.len() > 2 * plot::POINTS {
            let mut index = 0;
            lines.retain(|_| {
                index += 1;
                index % 2 == 0
            });
        }
    }
    let (unit, name) = unit(lines.last().map_or(0.0, |line| line[at]));
    let curve = |value: &dyn Fn(&[f64]) -> f64| -> Vec<(f64, f64)> {
        lines.iter().map(|line| (line[at] / unit, value(line))).collect()
    };
    let (mut parts, mut queues, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for (column, title) in titles.iter().enumerate() {
        let capacity = |resource: &str| rows.column(&format!("{resource}_capacity"));
        for what in ["used", "held", "stranded"] {
            let resource = title.strip_suffix(&format!("_{what}"));
            let Some((resource, all)) = resource.and_then(|it| Some((it, capacity(it)?))) else {
                continue;
            };
            let part = curve(&|line| 100.0 * line[column] / line[all].max(1e-9));
            if what == "used" || part.iter().any(|(_, part)| *part > 0.0) {
                parts.push((format!("{resource} {what}"), part));
            }
        }
        if let Some(queue) = title.strip_suffix("waiting") {
            let queue = queue.trim_end_matches('_');
            let queue = if queue.is_empty() { "all" } else { queue };
            queues.push((queue.to_owned(), curve(&|line| line[column])));
        }
        if let Some(group) = title.strip_suffix("_share") {
            shares.push((group.to_owned(), curve(&|line| 100.0 * line[column])));
        }
    }
    let charts = [
        ("use", "Percent of what the machines have", parts),
        ("queues", "Jobs that wait", queues),
        ("shares", "Percent: dominant shares", shares),
    ];
    let drawn = charts.into_iter().filter_map(|(file, what, curves)| {
        let x = plot::Axis { name, is_log: false };
        plot::curves(&place.file(file), &place.title(what), x, &curves)
    });
    Ok(drawn.collect())
}

/// The part of tasks that waited no longer than so long, from their arrival to their start.
fn waits(place: &Place, mut rows: Rows) -> io::Result<Option<Chart>> {
    let columns = ["kind", "submit_ns", "start_ns"].map(|title| rows.column(title));
    let [Some(kind), Some(submit), Some(start)] = columns else { return Ok(None) };
    let mut kinds: BTreeMap<String, (u64, BTreeMap<i32, u64>)> = BTreeMap::new();
    while let Some(cells) = rows.next()? {
        let Some((from, to)) = number(&cells, submit).zip(number(&cells, start)) else { continue };
        // Less than a millisecond is as good as none.
        let step = ((((to - from) / 1e9).max(1e-3)).log10() * STEPS).ceil() as i32;
        let (count, steps) = kinds.entry(cells[kind].clone()).or_default();
        *count += 1;
        *steps.entry(step).or_default() += 1;
    }
    let curves = kinds.into_iter().map(|(kind, (count, steps))| {
        let mut sum = 0;
        let points = steps.into_iter().map(|(step, of)| {
            sum += of;
            (f64::from(step) / STEPS, 100.0 * sum as f64 / count as f64)
        });
        (kind, points.collect())
    });
    let curves: Vec<(String, Vec<(f64, f64)>)> = curves.collect();
    let x = plot::Axis { name: "seconds from arrival to start", is_log: true };
    let title = place.title("Percent of tasks that waited no longer");
    Ok(plot::curves(&place.file("waits"), &title, x, &curves))
}

/// Cores in use, by machine and time.
fn machines(place: &Place, mut rows: Rows, mut again: Rows) -> io::Result<Option<Chart>> {
    let titles = ["machine", "start_ns", "end_ns", "cpus_milli"];
    let columns = titles.map(|title| rows.column(title));
    let [Some(machine), Some(start), Some(end), Some(cpus)] = columns else { return Ok(None) };
    let (mut last, mut until) = (None, 0.0_f64);
    while let Some(cells) = rows.next()? {
        last = last.max(number(&cells, machine).map(|machine| machine as u64));
        let times = [number(&cells, start), number(&cells, end)];
        until = times.into_iter().flatten().fold(until, f64::max);
    }
    let Some(count) = last.map(|last| last + 1).filter(|_| until > 0.0) else { return Ok(None) };
    let height = count.min(ROWS_MAX);
    let mut squares = vec![0.0; (height * COLUMNS) as usize];
    let width = until / COLUMNS as f64;
    while let Some(cells) = again.next()? {
        let (Some(machine), Some(from)) = (number(&cells, machine), number(&cells, start)) else {
            continue;
        };
        let (to, cpus) =
            (number(&cells, end).unwrap_or(until), number(&cells, cpus).unwrap_or(0.0));
        let row = (machine as u64).min(count - 1) * height / count;
        let first = ((from / width) as u64).min(COLUMNS - 1);
        let last = ((to / width) as u64).min(COLUMNS - 1);
        for column in first..=last {
            let left = column as f64 * width;
            let within = to.min(left + width) - from.max(left);
            squares[(row * COLUMNS + column) as usize] += cpus * within.max(0.0);
        }
    }
    let (unit, name) = unit(until);
    let map =
        plot::Map { columns: COLUMNS as usize, squares, machines: count, until: until / unit };
    let title = place.title("Machines: cores in use, against the busiest");
    Ok(plot::map(&place.file("machines"), &title, name, &map))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_told_apart() {
        assert_eq!(split("1,,\"a, \"\"b\"\"\",2"), ["1", "", "a, \"b\"", "2"]);
        assert_eq!(split(""), [""]);
    }
}
