//! The YAML form: groups with `hosts`, `children` and `vars`, from `all` downwards.

use super::inventory::{Inventory, Variable};
use super::{Wrong, range};
use crate::cli::import::yaml::Leaf;

/// Reads the values of the file.
pub(super) fn read(leaves: Vec<Leaf>) -> Result<Inventory, Wrong> {
    let mut inventory = Inventory::default();
    for leaf in leaves {
        let line = leaf.line;
        place(&mut inventory, &leaf).and_then(|()| inventory.check()).map_err(|what| Wrong { line, what })?;
    }
    Ok(inventory)
}

/// Follows the way to one value: group, `children`, group, …, and then `hosts` or `vars`.
fn place(inventory: &mut Inventory, leaf: &Leaf) -> Result<(), String> {
    let mut way = leaf.way.iter().map(String::as_str);
    let Some(mut group) = way.next() else { return Err("an inventory is a table of groups".into()) };
    inventory.group(group);
    loop {
        match (way.next(), way.next()) {
            (None, _) | (Some("hosts" | "children" | "vars"), None) => return Ok(()),
            (Some("children"), Some(child)) => {
                inventory.child(group, child);
                group = child;
            }
            (Some("hosts"), Some(pattern)) => {
                let own = way.next();
                let deeper = way.next().is_some();
                for name in range::hosts(pattern)? {
                    inventory.host(group, &name);
                    if let Some(own) = own {
                        inventory.of_host(&name, variable(own, leaf, deeper));
                    }
                }
                return Ok(());
            }
            (Some("vars"), Some(name)) => {
                let deeper = way.next().is_some();
                inventory.of_group(group, variable(name, leaf, deeper));
                return Ok(());
            }
            (Some(other), _) => {
                return Err(format!("`{other}` in the group {group} is none of `hosts`, `children` and `vars`"));
            }
        }
    }
}

fn variable(name: &str, leaf: &Leaf, deeper: bool) -> Variable {
    Variable { name: name.to_owned(), value: leaf.text.clone().filter(|_text| !deeper), line: leaf.line }
}
