//! Modals: questions on top of the picture, as a stack. The topmost has the keys.
//!
//! A dangerous action is a value that travels through its modal: what the modal names is what is sent, whatever has
//! happened below meanwhile.

pub mod answer;
pub mod ask;
pub mod begin;
pub mod chooser;
pub mod confirm;
pub mod deletion;
pub mod errand;
pub mod filter;
pub mod help;
pub mod palette;
pub mod plan;
pub mod prepare;
pub mod reader;
pub mod rehearsed;
pub mod restore;
pub mod switch;
pub mod word;

use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::Rect;

use super::action::{Action, Invocation};
use super::app::Reply;
use super::draw::brush::Brush;
use super::keymap::written;
use super::look::Look;
use super::pane::PaneId;
use super::table::{Part, dim, part};
use super::theme::Meaning;
use super::world::World;
use crate::engine::command::{Command, Query};

/// What a modal sees of the console.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// What is drawn.
    pub world: &'a World,
    /// Theme and keys.
    pub look: &'a Look,
    /// Which actions there are and whether they can be done now.
    pub actions: &'a dyn Possible,
}

impl Sight<'_> {
    /// All keys of an action that lead somewhere here, for reading.
    pub fn keys_of(&self, action: Action) -> String {
        let all = self.look.keymap.bindings.iter().filter(|binding| binding.invocation.action == action);
        let leads = |argument: &String| action != Action::ShowPane || PaneId::of(argument, self.world).is_some();
        let there = all.filter(|binding| binding.invocation.argument.as_ref().is_none_or(leads));
        there.map(|binding| written(&binding.keys)).collect::<Vec<_>>().join(", ")
    }
}

/// Which actions can be done now.
pub trait Possible: std::fmt::Debug {
    /// Why it cannot be done now; `None`: it can. Actions that do not exist here are not asked for.
    fn why_not(&self, invocation: &Invocation) -> Option<String>;

    /// Whether it exists in this console at all.
    fn exists(&self, action: Action) -> bool;

    /// What the argument of an action may be.
    fn candidates(&self, action: Action) -> Vec<String>;
}

/// What a modal wants after a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// To stay.
    Stay,
    /// To stay, and this to be done.
    StayAnd(Invocation),
    /// To be gone.
    Close,
    /// To be gone, and this to be done.
    CloseAnd(Invocation),
    /// To be gone, and these to be sent to the engine.
    Send(Vec<Command>),
    /// To be gone, because it was not confirmed; said in words.
    Cancelled(&'static str),
}

/// What a modal needs from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// To ask the engine to change something.
    Send(Command),
    /// To ask the engine for something to see.
    Ask(Query),
}

/// A question on top of the picture.
pub trait Modal: std::fmt::Debug + Send {
    /// Takes a key.
    fn key(&mut self, key: KeyEvent, sight: Sight<'_>) -> Outcome;

    /// Takes a paste.
    fn paste(&mut self, text: &str, sight: Sight<'_>) -> Outcome;

    /// What it needs from outside now. Called after every event.
    fn wants(&mut self, _world: &World) -> Option<Want> {
        None
    }

    /// Something that was sent has come to its end. Returns whether it was sent by this modal.
    fn answered(&mut self, _reply: &Reply, _world: &World) -> bool {
        false
    }

    /// Draws itself on the whole screen's area.
    fn draw(&mut self, brush: &mut Brush<'_>, screen: Rect, sight: Sight<'_>);
}

/// What stands at the foot of a question that is longer than its box: how many lines are below, and the keys that go there.
fn scrolled(above: usize, below: usize) -> Vec<Part> {
    let mut foot = Vec::new();
    if below > 0 {
        foot.push(dim(format!("{below} more below  ")));
    }
    if above > 0 || below > 0 {
        foot.extend([part(Meaning::Key, "up down"), dim(" scroll  ")]);
    }
    foot
}

/// An area in the middle of the screen, at most so large.
pub(crate) fn middle(screen: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(screen.width), height.min(screen.height));
    Rect::new(screen.x + (screen.width - width) / 2, screen.y + (screen.height - height) / 2, width, height)
}
