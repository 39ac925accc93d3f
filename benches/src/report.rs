//! Figures beside their targets, as a table or as JSON.

use crate::{
    arguments::{Arguments, Output},
    machine::{Machine, load_average},
};
use comfy_table::{CellAlignment, Table, presets::UTF8_HORIZONTAL_ONLY};
use serde_json::{Value, json};

/// What was promised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// Nothing; the figure explains another.
    None,
    /// This much or more.
    AtLeast(f64),
    /// This much or less.
    AtMost(f64),
}

/// One figure.
#[derive(Debug, Clone)]
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    target: Target,
}

/// The answer to one question.
#[derive(Debug)]
pub struct Report {
    question: &'static str,
    output: Output,
    load_before: String,
    figures: Vec<Figure>,
    notes: Vec<String>,
}

impl Report {
    /// An empty answer; notes how loaded the machine is before anything runs.
    pub fn new(question: &'static str, arguments: &Arguments) -> Self {
        Self::printed_as(question, arguments.output)
    }

    /// The same, for a question with arguments of its own.
    pub fn printed_as(question: &'static str, output: Output) -> Self {
        let load_before = load_average();
        Self { question, output, load_before, figures: Vec::new(), notes: Vec::new() }
    }

    /// Adds a figure that explains another.
    pub fn figure(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.promised(name, value, unit, Target::None);
    }

    /// Adds a figure for which something was promised.
    pub fn promised(
        &mut self,
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        target: Target,
    ) {
        self.figures.push(Figure { name: name.into(), value, unit, target });
    }

    /// Adds a sentence.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Prints everything.
    pub fn print(&self) {
        let machine = Machine::look();
        match self.output {
            Output::Table => self.print_table(&machine),
            Output::Json => println!("{:#}", self.to_json(&machine)),
        }
    }

    fn print_table(&self, machine: &Machine) {
        println!("\n{}", self.question);
        println!("{} × {}, Linux {}", machine.processors, machine.model, machine.kernel);
        println!("load average {} before, {} after", self.load_before, load_average());
        let mut table = Table::new();
        table.load_style(UTF8_HORIZONTAL_ONLY);
        table.set_header(["figure", "measured", "unit", "target", ""]);
        for figure in &self.figures {
            let (name, value) = (figure.name.clone(), readable(figure.value));
            let (target, verdict) = figure.verdict();
            table.add_row([name, value, figure.unit.to_owned(), target, verdict.to_owned()]);
        }
        for column in [1, 3] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        println!("{table}");
        for note in &self.notes {
            println!("{note}");
        }
    }

    fn to_json(&self, machine: &Machine) -> Value {
        let figure = |figure: &Figure| {
            let (at_least, at_most) = match figure.target {
                Target::None => (None, None),
                Target::AtLeast(least) => (Some(least), None),
                Target::AtMost(most) => (None, Some(most)),
            };
            json!({
                "name": figure.name, "value": figure.value, "unit": figure.unit,
                "at_least": at_least, "at_most": at_most,
            })
        };
        json!({
            "question": self.question,
            "machine": {
                "processors": machine.processors, "model": machine.model, "kernel": machine.kernel,
                "load_before": self.load_before, "load_after": load_average(),
            },
            "figures": self.figures.iter().map(figure).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

impl Figure {
    fn verdict(&self) -> (String, &'static str) {
        let met = |met: bool| if met { "met" } else { "missed" };
        match self.target {
            Target::None => (String::new(), ""),
            Target::AtLeast(least) => (format!("≥ {}", readable(least)), met(self.value >= least)),
            Target::AtMost(most) => (format!("≤ {}", readable(most)), met(self.value <= most)),
        }
    }
}

/// Three digits that matter, thousands apart.
fn readable(value: f64) -> String {
    if value.is_nan() {
        return "nothing".to_owned();
    }
    let decimals = match value.abs() {
        value if value >= 100.0 => return grouped(value.round()),
        value if value >= 10.0 => 1,
        value if value >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 && digit.is_ascii_digit() {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_readable() {
        let cases = [(1_234_567.2, "1 234 567"), (999.6, "1 000"), (42.25, "42.2"), (0.5, "0.500")];
        for (value, text) in cases {
            assert_eq!(readable(value), text);
        }
    }

    #[test]
    fn a_missed_target_is_called_so() {
        let figure = |value, target| Figure { name: String::new(), value, unit: "", target };
        assert_eq!(figure(9.0, Target::AtLeast(10.0)).verdict().1, "missed");
        assert_eq!(figure(9.0, Target::AtMost(10.0)).verdict().1, "met");
    }
}
