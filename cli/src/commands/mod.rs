//! One file per command.

pub(crate) mod agent;
pub(crate) mod agents;
pub(crate) mod backup;
pub(crate) mod certificates;
pub(crate) mod completion;
pub(crate) mod dev;
pub(crate) mod events;
pub(crate) mod frameworks;
pub(crate) mod groups;
pub(crate) mod images;
pub(crate) mod kill;
pub(crate) mod listings;
pub(crate) mod logs;
pub(crate) mod maintenance;
pub(crate) mod master;
pub(crate) mod masters;
pub(crate) mod reservations;
mod role_settings;
pub(crate) mod roles;
pub(crate) mod run;
pub(crate) mod sim;
pub(crate) mod status;
pub(crate) mod trial;
pub(crate) mod volumes;
pub(crate) mod why;

use proto::wire::v1::Page;

/// Asks for every page of a listing and joins the rows; shows each answer to `$look`, if that is
/// given.
#[macro_export]
macro_rules! every_page {
    ($connection:expr, $method:ident, $rows:ident, $request:expr) => {
        $crate::every_page!($connection, $method, $rows, $request, |answer| ())
    };
    ($connection:expr, $method:ident, $rows:ident, $request:expr, |$answer:ident| $look:expr) => {{
        let mut rows = Vec::new();
        let mut message = $request;
        let mut token = String::new();
        loop {
            message.page = Some($crate::commands::page(token));
            let $answer = $connection
                .ask(|mut client| {
                    let request = $crate::connection::request(message.clone());
                    async move { client.$method(request).await }
                })
                .await?;
            $look;
            rows.extend($answer.$rows);
            token = $answer.next_page_token;
            if token.is_empty() {
                break rows;
            }
        }
    }};
}

/// A full page after a token.
pub(crate) fn page(token: String) -> Page {
    Page { size: proto::model::limits::PAGE_ROWS_MAX, token }
}
