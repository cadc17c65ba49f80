//! Wishes about feeds: which feed is meant, and the question that comes before what changes its target.

use super::App;
use crate::console::action::Action;
use crate::console::format;
use crate::console::modal::confirm::Confirm;
use crate::console::modal::prepare::Preparation;
use crate::console::pane::{PaneId, lag};
use crate::console::theme::Meaning;
use crate::engine::command::Command;
use crate::feed::view::FeedView;

impl App {
    /// The feed that a wish is about: what is named, the page, the selected row, else the only one.
    fn feed_target(&self, argument: Option<&str>) -> Result<&FeedView, String> {
        let newest = &self.world.newest;
        if let Some(name) = argument {
            return newest.feed(name).map(AsRef::as_ref).ok_or_else(|| format!("no feed is called `{name}`"));
        }
        let here = if let Some(open) = self.pages.last() {
            open.page.feed()
        } else {
            let row = self.lists[PaneId::Lag as usize].current().filter(|_| self.focus == PaneId::Lag);
            row.and_then(|row| lag::row::at(&self.world.shown, row)?.feed()).map(|feed| feed.name.as_str())
        };
        let only = || newest.feeds.first().filter(|_| newest.feeds.len() == 1);
        let meant = here.and_then(|name| newest.feed(name)).or_else(only);
        meant.map(AsRef::as_ref).ok_or_else(|| "no feed is selected".into())
    }

    /// Why nothing can be done about a feed now.
    pub(super) fn not_of_feed(&self, argument: Option<&str>) -> Option<String> {
        self.world.unreachable().or_else(|| self.feed_target(argument).err())
    }

    /// Asks what is needed for a wish about a feed.
    pub(super) fn feed_wish(&mut self, action: Action, argument: Option<&str>) {
        let feed = match self.feed_target(argument) {
            Ok(feed) => feed,
            Err(why) => return self.say(Meaning::Warn, why, None),
        };
        let name = feed.name.clone();
        match action {
            Action::CarryNow => self.send(Command::FeedRun { feed: name }),
            Action::Compare => self.send(Command::FeedCheck { feed: name, repair: false }),
            Action::Repair => {
                let question = self.repair(feed);
                self.modals.push(Box::new(question));
            }
            Action::Prepare => self.modals.push(Box::new(Preparation::ask(feed))),
            _ => {
                let question = start_over(feed);
                self.modals.push(Box::new(question));
            }
        }
    }

    fn repair(&self, feed: &FeedView) -> Confirm {
        let last = feed.checked.as_ref().map_or_else(
            || "It was not compared since the engine began.".to_owned(),
            |checked| format!("Compared {}: {}.", format::ago(checked.at, self.world.now), checked.said),
        );
        let lines = vec![
            format!("from {}", feed.from),
            format!("to   {}", feed.to),
            last,
            String::new(),
            "Both ends are compared again, row by row. What the target lacks is carried, and what differs there is \
             written as the source has it. Rows that only the target has stay."
                .into(),
        ];
        let commands = vec![Command::FeedCheck { feed: feed.name.clone(), repair: true }];
        Confirm::button(format!("Repair {}?", feed.name), lines, " Repair ", commands)
    }
}

fn start_over(feed: &FeedView) -> Confirm {
    let lines = vec![
        format!("from {}", feed.from),
        format!("to   {}", feed.to),
        String::new(),
        "How far each table was carried is forgotten, and all of it is carried again from its beginning, over what is \
         there. No row is deleted and none is doubled; until it has caught up, new rows wait behind the old ones."
            .into(),
        "Where only some rows are missing, a repair is quicker.".into(),
    ];
    let command = Command::FeedReset { feed: feed.name.clone(), phrase: feed.name.clone() };
    let title = format!("Carry all of {} again?", feed.name);
    Confirm::typed(title, lines, feed.name.clone(), " Start over ", vec![command])
}
