//! Several studies on one page, side by side: what each came to, and every measure that two of them
//! have for the same that was swept.

use super::{Summary, page};
use std::{collections::BTreeMap, fmt::Write as _};

/// Measures that only one study has are on its own page.
const LEAST: usize = 2;

/// The page, of studies by the names of their directories.
pub fn comparison(studies: &[(String, Summary)]) -> String {
    let mut text = page::head("Studies side by side");
    text += "<table><tr><th>directory</th><th>study</th><th>runs</th><th>came</th>\
             <th>digest</th></tr>\n";
    for (name, summary) in studies {
        let outcome = &summary.outcome;
        let came = outcome.verdicts.iter().filter(|verdict| verdict.passed).count();
        let class = if came == outcome.verdicts.len() { "came" } else { "missed" };
        let _ = writeln!(
            text,
            "<tr><td><a href=\"{0}/report.html\">{0}</a></td><td>{1}</td>\
             <td class=\"number\">{2}</td><td class=\"{class}\">{came} of {3}</td>\
             <td>{4}</td></tr>",
            page::escape(name),
            page::escape(&summary.title),
            outcome.runs,
            outcome.verdicts.len(),
            outcome.digest
        );
    }
    text += "</table>\n";
    text += &measures(studies);
    text + "</body></html>\n"
}

fn measures(studies: &[(String, Summary)]) -> String {
    let mut rows: BTreeMap<(String, &str), Vec<Option<String>>> = BTreeMap::new();
    for (column, (_, summary)) in studies.iter().enumerate() {
        for group in &summary.outcome.groups {
            let labels: Vec<&str> = group.labels.values().map(String::as_str).collect();
            for (measure, mean) in &group.scalars {
                let row = rows.entry((labels.join(", "), measure)).or_default();
                row.resize(studies.len(), None);
                row[column] = Some(page::in_words(mean));
            }
        }
    }
    rows.retain(|_, cells| cells.iter().flatten().count() >= LEAST);
    if rows.is_empty() {
        return "<p>No two of them have a measure in common.</p>\n".to_owned();
    }
    let names = studies.iter().map(|(name, _)| format!("<th>{}</th>", page::escape(name)));
    let mut text = format!(
        "<h2>Measures</h2>\n<table><tr><th>of</th><th>measure</th>{}</tr>\n",
        names.collect::<String>()
    );
    for ((labels, measure), cells) in rows {
        let cells = cells
            .into_iter()
            .map(|cell| format!("<td class=\"number\">{}</td>", cell.unwrap_or_default()));
        let _ = writeln!(
            text,
            "<tr><td>{}</td><td>{}</td>{}</tr>",
            page::escape(&labels),
            page::escape(measure),
            cells.collect::<String>()
        );
    }
    text + "</table>\n"
}
