//! One page for people: what was asked, what came, whether that was expected, and the charts. It
//! needs no network and no script.

use super::{Summary, chart::Chart};
use crate::{outcome::Group, statistics::Mean};
use std::{collections::BTreeSet, fmt::Write as _};

const STYLE: &str = "\
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #ddd; vertical-align: top }
td.number { text-align: right }
.came { color: #00684a } .missed { color: #a8320a; font-weight: 600 }
svg { max-width: 100%; height: auto } pre { background: #f5f5f2; padding: 1rem; overflow-x: auto }
@media (prefers-color-scheme: dark) { body { background: #1b1b1a; color: #ddd } th, td { border-color: #444 }
  pre { background: #262624 } .came { color: #5fcfa6 } .missed { color: #ff9166 } svg { background: white } }
";

/// The page.
pub(super) fn page(summary: &Summary, charts: &[Chart], single: &[Chart]) -> String {
    let outcome = &summary.outcome;
    let mut text = head(&summary.title);
    let mut paragraph = |words: &str| {
        if !words.trim().is_empty() {
            let _ = writeln!(text, "<p>{}</p>", escape(words.trim()));
        }
    };
    paragraph(&summary.about);
    if !summary.source.is_empty() {
        paragraph(&format!("After: {}.", summary.source));
    }
    if outcome.warm_up_s > 0.0 {
        paragraph(&format!("The first {} s are warming up and not measured.", outcome.warm_up_s));
    }
    paragraph(&format!("{} runs, digest {}.", outcome.runs, outcome.digest));
    if !outcome.verdicts.is_empty() {
        let came = outcome.verdicts.iter().filter(|verdict| verdict.passed).count();
        let _ =
            writeln!(text, "<h2>What was expected: {came} of {} came</h2>", outcome.verdicts.len());
        text += "<table><tr><th></th><th>expected</th><th>got</th></tr>\n";
        for verdict in &outcome.verdicts {
            let (class, word) = if verdict.passed { ("came", "yes") } else { ("missed", "no") };
            let _ = writeln!(
                text,
                "<tr><td class=\"{class}\">{word}</td><td>{}</td><td>{}</td></tr>",
                escape(&verdict.expected),
                escape(&verdict.got)
            );
        }
        text += "</table>\n";
    }
    text += "<h2>Means</h2>\n";
    text += &means(&outcome.groups);
    figures(&mut text, charts);
    if !single.is_empty() {
        text += "<h2>Single runs</h2>\n";
        figures(&mut text, single);
    }
    let _ =
        writeln!(text, "<h2>The study</h2>\n<pre>{}</pre>\n</body></html>", escape(&summary.file));
    text
}

/// How a page begins.
pub(super) fn head(title: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<style>\n{STYLE}</style></head>\
         <body>\n<h1>{title}</h1>\n"
    )
}

fn figures(text: &mut String, charts: &[Chart]) {
    for chart in charts {
        // What stands before the picture is for files of its own.
        let svg = chart.svg.find("<svg").map_or("", |at| &chart.svg[at..]);
        let _ = writeln!(text, "<figure>{svg}</figure>");
    }
}

/// A row for each group.
fn means(groups: &[Group]) -> String {
    let labels: BTreeSet<_> = groups.iter().flat_map(|group| group.labels.keys()).collect();
    let scalars: BTreeSet<_> = groups.iter().flat_map(|group| group.scalars.keys()).collect();
    let titles = labels.iter().chain(&scalars).map(|it| it.as_str());
    let titles: String = titles.map(|it| format!("<th>{}</th>", escape(it))).collect();
    let saturates = groups.iter().any(|group| group.saturation().is_some());
    let last = if saturates { "<th></th>" } else { "" };
    let mut text = format!("<table><tr>{titles}{last}</tr>\n");
    for group in groups {
        let of_labels = labels.iter().map(|it| {
            let value = group.labels.get(*it).map_or("", String::as_str);
            format!("<td>{}</td>", escape(value))
        });
        let of_scalars = scalars.iter().map(|it| {
            let mean = match group.scalars.get(*it) {
                Some(mean) => in_words(mean),
                None if group.is_saturated(it) => "saturated".to_owned(),
                None => String::new(),
            };
            format!("<td class=\"number\">{mean}</td>")
        });
        let said = group.saturation();
        let said = said.map(|it| format!("<td class=\"missed\">{}</td>", escape(&it)));
        let cells: String = of_labels.chain(of_scalars).chain(said).collect();
        let _ = writeln!(text, "<tr>{cells}</tr>");
    }
    text + "</table>\n"
}

/// A mean with its interval.
pub(super) fn in_words(mean: &Mean) -> String {
    match mean.count {
        1 => format!("{:.4}", mean.mean),
        _ => format!("{:.4} ± {:.4}", mean.mean, mean.interval),
    }
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
