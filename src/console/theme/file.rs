//! How a theme is written: a palette, and meanings over it, perhaps on top of another theme.
//!
//! ```toml
//! inherits = "dark"            # every palette entry and meaning that is not here comes from there
//! glyphs = "unicode"           # or "ascii"
//! [palette]
//! blue = "#6cb6ff"
//! [meanings]
//! good = "blue"                # a palette entry, "#rrggbb", one of sixteen names, or "default"
//! title = { fg = "blue", bold = true }
//! ```

use std::collections::BTreeMap;
use std::ops::Range;

use ratatui::style::{Color, Modifier};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::color;
use super::glyphs::Glyphs;
use super::meaning::Meaning;
use crate::console::library::{FileError, Kind, Library, Source};
use crate::fleet::nearest;

/// How one meaning looks, before it is fitted to a terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// Colour of the letters.
    pub fg: Option<Color>,
    /// Colour behind them.
    pub bg: Option<Color>,
    /// Bold, underlined, reversed.
    pub modifier: Modifier,
}

/// A theme file with all that it inherits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThemeFile {
    /// Name of the outermost file.
    pub name: String,
    /// Its glyphs.
    pub glyphs: &'static Glyphs,
    /// How each meaning looks, in the order of [`Meaning::ALL`].
    pub looks: Vec<Look>,
}

/// Chains of `inherits` longer than this are taken for a circle.
const GENERATIONS: usize = 8;

/// Reads a theme and all it inherits.
pub fn load(library: &Library, name: &str) -> Result<ThemeFile, FileError> {
    read(library, library.find(Kind::Theme, name)?)
}

/// Reads a theme that was found, and all it inherits.
pub(crate) fn read(library: &Library, source: Source) -> Result<ThemeFile, FileError> {
    let name = source.name.clone();
    let mut chain = vec![source];
    while let Some((parent, span)) = chain.last().map(inherits).transpose()?.flatten() {
        let Some(child) = chain.last() else { break };
        if chain.len() == GENERATIONS || chain.iter().any(|source| source.name == parent) {
            return Err(child.error(Kind::Theme, &span, format!("`{parent}` inherits from this theme: a circle")));
        }
        let found = library
            .find(Kind::Theme, &parent)
            .map_err(|error| child.error(Kind::Theme, &span, format!("inherits: {error}")))?;
        chain.push(found);
    }
    build(&name, &chain)
}

fn inherits(source: &Source) -> Result<Option<(String, Range<usize>)>, FileError> {
    let table = table(source)?;
    match table.get("inherits") {
        None => Ok(None),
        Some(value) => Ok(Some((text(source, value)?, value.span()))),
    }
}

fn table(source: &Source) -> Result<DeTable<'_>, FileError> {
    DeTable::parse(&source.text)
        .map(Spanned::into_inner)
        .map_err(|error| source.error(Kind::Theme, &error.span().unwrap_or(0..0), error.message().to_owned()))
}

/// Palettes are merged over the whole chain before any meaning is looked up, so that a child can move one colour.
fn build(name: &str, chain: &[Source]) -> Result<ThemeFile, FileError> {
    let mut palette: BTreeMap<String, Color> = BTreeMap::new();
    let mut glyphs = None;
    for source in chain.iter().rev() {
        for (key, value) in &table(source)? {
            match key.get_ref().as_ref() {
                "inherits" | "meanings" => {}
                "glyphs" => glyphs = Some(glyph_set(source, value)?),
                "palette" => read_palette(source, value, &mut palette)?,
                unknown => {
                    let near = nearest(unknown, ["inherits", "glyphs", "palette", "meanings"]);
                    return Err(source.error(Kind::Theme, &key.span(), unknown_key(unknown, near)));
                }
            }
        }
    }
    let mut looks = vec![None; Meaning::ALL.len()];
    for source in chain.iter().rev() {
        if let Some(value) = table(source)?.get("meanings") {
            read_meanings(source, value, &palette, &mut looks)?;
        }
    }
    let missing: Vec<&str> =
        Meaning::ALL.iter().zip(&looks).filter(|(_, look)| look.is_none()).map(|(meaning, _)| meaning.word()).collect();
    if let (Some(first), false) = (chain.first(), missing.is_empty()) {
        let message = format!("these meanings are missing: {}; or inherit from a whole theme", missing.join(", "));
        return Err(first.error(Kind::Theme, &(0..0), message));
    }
    let looks = looks.into_iter().map(Option::unwrap_or_default).collect();
    Ok(ThemeFile { name: name.to_owned(), glyphs: glyphs.unwrap_or(&super::glyphs::UNICODE), looks })
}

fn glyph_set(source: &Source, value: &Spanned<DeValue<'_>>) -> Result<&'static Glyphs, FileError> {
    let name = text(source, value)?;
    Glyphs::of(&name).ok_or_else(|| {
        source.error(
            Kind::Theme,
            &value.span(),
            format!("there are no glyphs `{name}`: write \"unicode\" or \"ascii\""),
        )
    })
}

fn read_palette(
    source: &Source,
    value: &Spanned<DeValue<'_>>,
    palette: &mut BTreeMap<String, Color>,
) -> Result<(), FileError> {
    for (key, value) in inner(source, value)? {
        let written = text(source, value)?;
        let color = color::parse(&written).ok_or_else(|| no_color(source, &value.span(), &written, &[]))?;
        palette.insert(key.get_ref().to_string(), color);
    }
    Ok(())
}

fn read_meanings(
    source: &Source,
    value: &Spanned<DeValue<'_>>,
    palette: &BTreeMap<String, Color>,
    looks: &mut [Option<Look>],
) -> Result<(), FileError> {
    for (key, value) in inner(source, value)? {
        let word = key.get_ref().as_ref();
        let position = Meaning::ALL.iter().position(|meaning| meaning.word() == word).ok_or_else(|| {
            let near = nearest(word, Meaning::ALL.iter().map(|meaning| meaning.word()));
            source.error(Kind::Theme, &key.span(), unknown_key(word, near))
        })?;
        looks[position] = Some(look(source, value, palette)?);
    }
    Ok(())
}

fn look(source: &Source, value: &Spanned<DeValue<'_>>, palette: &BTreeMap<String, Color>) -> Result<Look, FileError> {
    if value.get_ref().is_str() {
        return Ok(Look { fg: Some(named(source, value, palette)?), ..Look::default() });
    }
    let mut look = Look::default();
    for (key, value) in inner(source, value)? {
        let word = key.get_ref().as_ref();
        let modifier = match word {
            "fg" => {
                look.fg = Some(named(source, value, palette)?);
                continue;
            }
            "bg" => {
                look.bg = Some(named(source, value, palette)?);
                continue;
            }
            "bold" => Modifier::BOLD,
            "underline" => Modifier::UNDERLINED,
            "reverse" => Modifier::REVERSED,
            "italic" => Modifier::ITALIC,
            _ => {
                let near = nearest(word, ["fg", "bg", "bold", "underline", "reverse", "italic"]);
                return Err(source.error(Kind::Theme, &key.span(), unknown_key(word, near)));
            }
        };
        match value.get_ref() {
            DeValue::Boolean(on) => look.modifier.set(modifier, *on),
            _ => return Err(source.error(Kind::Theme, &value.span(), format!("`{word}` is true or false"))),
        }
    }
    Ok(look)
}

fn named(source: &Source, value: &Spanned<DeValue<'_>>, palette: &BTreeMap<String, Color>) -> Result<Color, FileError> {
    let written = text(source, value)?;
    let names: Vec<&str> = palette.keys().map(String::as_str).collect();
    palette
        .get(&written)
        .copied()
        .or_else(|| color::parse(&written))
        .ok_or_else(|| no_color(source, &value.span(), &written, &names))
}

fn no_color(source: &Source, span: &Range<usize>, written: &str, palette: &[&str]) -> FileError {
    let names = palette.iter().copied().chain(color::NAMED.iter().map(|(name, _)| *name));
    let near = nearest(written, names).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let message = format!("`{written}` is no colour: write \"#rrggbb\", a name of the palette, or \"default\"{near}");
    source.error(Kind::Theme, span, message)
}

fn unknown_key(word: &str, near: Option<&str>) -> String {
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    format!("unknown key `{word}`{near}")
}

fn text(source: &Source, value: &Spanned<DeValue<'_>>) -> Result<String, FileError> {
    let text = value.get_ref().as_str().map(ToOwned::to_owned);
    text.ok_or_else(|| source.error(Kind::Theme, &value.span(), "expected a text in quotes"))
}

fn inner<'a, 'i>(source: &Source, value: &'a Spanned<DeValue<'i>>) -> Result<&'a DeTable<'i>, FileError> {
    value.get_ref().as_table().ok_or_else(|| source.error(Kind::Theme, &value.span(), "expected a table"))
}
