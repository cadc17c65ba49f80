//! Hosts, groups and variables as Ansible has them, and what holds for one host in the end.

use std::collections::{BTreeMap, BTreeSet};

use super::Wrong;

/// The group that every host is in.
pub(super) const ALL: &str = "all";
/// The group of hosts that are in no other.
pub(super) const UNGROUPED: &str = "ungrouped";

/// A variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    /// Its name.
    pub(super) name: String,
    /// Its value; `None`: it is a list, a table or nothing.
    pub(super) value: Option<String>,
    /// Line, from 1.
    pub(super) line: usize,
}

/// So many hosts and so many groups have a place in a fleet file; an inventory with more is of another trade.
const MOST: usize = 2_000;

/// A group.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Groups that it is part of.
    above: BTreeSet<String>,
    variables: Vec<Variable>,
}

/// What is said of a host itself.
#[derive(Debug, Default)]
struct Own {
    groups: BTreeSet<String>,
    variables: Vec<Variable>,
}

/// An inventory. Hosts and groups are there once they are named.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// In the order in which they were named first.
    hosts: Vec<String>,
    own: BTreeMap<String, Own>,
    groups: BTreeMap<String, Group>,
}

/// What holds for one host: the strongest last.
pub(super) struct Variables<'a>(Vec<&'a Variable>);

impl Variables<'_> {
    /// The value of the first of these names that has one.
    pub(super) fn get(&self, names: &[&str]) -> Option<&str> {
        let of = |name: &str| self.0.iter().rev().find(|one| one.name == name)?.value.as_deref();
        names.iter().find_map(|name| of(name)).filter(|value| !value.is_empty())
    }
}

impl Inventory {
    /// A group is named.
    pub(super) fn group(&mut self, name: &str) -> &mut Group {
        self.groups.entry(name.to_owned()).or_default()
    }

    /// A host is named in a group.
    pub(super) fn host(&mut self, group: &str, name: &str) {
        self.group(group);
        if !self.own.contains_key(name) {
            self.hosts.push(name.to_owned());
        }
        self.own.entry(name.to_owned()).or_default().groups.insert(group.to_owned());
    }

    /// A host has a variable.
    pub(super) fn of_host(&mut self, name: &str, variable: Variable) {
        self.own.entry(name.to_owned()).or_default().variables.push(variable);
    }

    /// A group has a variable.
    pub(super) fn of_group(&mut self, name: &str, variable: Variable) {
        self.group(name).variables.push(variable);
    }

    /// A group is part of another one.
    pub(super) fn child(&mut self, parent: &str, child: &str) {
        self.group(parent);
        self.group(child).above.insert(parent.to_owned());
    }

    /// The error says that it has grown beyond what a fleet file is for.
    pub(super) fn check(&self) -> Result<(), String> {
        match (self.hosts.len() > MOST, self.groups.len() > MOST) {
            (true, _) => Err(format!("it has more than {MOST} hosts; name fewer, or import it in parts")),
            (_, true) => Err(format!("it has more than {MOST} groups; name fewer, or import it in parts")),
            (false, false) => Ok(()),
        }
    }

    /// All hosts, in the order of the file.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &String> {
        self.hosts.iter()
    }

    /// The groups of a host and the groups that those are part of, `all` and `ungrouped` left out, by name.
    pub(super) fn groups(&self, host: &str) -> Result<Vec<String>, Wrong> {
        let mut levels = self.levels(host)?;
        levels.retain(|name, _level| *name != ALL && *name != UNGROUPED);
        Ok(levels.into_keys().map(str::to_owned).collect())
    }

    /// Its variables: those of `all` first, then of the groups from the outermost inwards, then its own.
    pub(super) fn variables(&self, host: &str) -> Result<Variables<'_>, Wrong> {
        let levels = self.levels(host)?;
        let mut groups: Vec<(usize, &str)> = levels.into_iter().map(|(name, level)| (level, name)).collect();
        groups.sort_unstable();
        let of_groups = groups.into_iter().filter_map(|(_level, name)| self.groups.get(name));
        let all = self.groups.get(ALL).into_iter().chain(of_groups).flat_map(|group| &group.variables);
        Ok(Variables(all.chain(self.own.get(host).into_iter().flat_map(|own| &own.variables)).collect()))
    }

    /// The groups of a host, each with how deep it lies below those that nothing is above.
    fn levels(&self, host: &str) -> Result<BTreeMap<&str, usize>, Wrong> {
        let mut found: BTreeSet<&str> = BTreeSet::new();
        let mut fresh: Vec<&str> =
            self.own.get(host).into_iter().flat_map(|own| &own.groups).map(String::as_str).collect();
        while let Some(group) = fresh.pop() {
            if found.insert(group) {
                fresh.extend(self.above(group));
            }
        }
        // From the outermost inwards: a group has its level when all that it is part of have theirs.
        let mut waiting: BTreeMap<&str, usize> =
            found.iter().map(|group| (*group, self.above(group).count())).collect();
        let mut inner: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for group in &found {
            self.above(group).for_each(|above| inner.entry(above).or_default().push(group));
        }
        let mut ready: Vec<&str> =
            waiting.iter().filter(|(_group, above)| **above == 0).map(|(group, _)| *group).collect();
        let mut levels: BTreeMap<&str, usize> = BTreeMap::new();
        while let Some(group) = ready.pop() {
            waiting.remove(group);
            let level = self.above(group).filter_map(|above| levels.get(above)).max().map_or(0, |deepest| deepest + 1);
            levels.insert(group, level);
            for below in inner.get(group).into_iter().flatten() {
                if let Some(above) = waiting.get_mut(below) {
                    *above -= 1;
                    if *above == 0 {
                        ready.push(below);
                    }
                }
            }
        }
        match waiting.keys().find(|group| self.is_above_itself(group)).or_else(|| waiting.keys().next()) {
            Some(group) => Err(Wrong { line: 1, what: format!("the group {group} is part of itself") }),
            None => Ok(levels),
        }
    }

    fn is_above_itself(&self, group: &str) -> bool {
        let (mut seen, mut fresh): (BTreeSet<&str>, Vec<&str>) = (BTreeSet::new(), self.above(group).collect());
        while let Some(above) = fresh.pop() {
            if seen.insert(above) {
                fresh.extend(self.above(above));
            }
        }
        seen.contains(group)
    }

    fn above<'a>(&'a self, group: &str) -> impl Iterator<Item = &'a str> {
        self.groups.get(group).into_iter().flat_map(|group| &group.above).map(String::as_str)
    }

    /// What is not among these variables, one line for each name, without the values.
    pub(super) fn others(&self, carried: &[&str]) -> Vec<String> {
        let mut lines: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        let of_groups = self.groups.values().flat_map(|group| &group.variables);
        for variable in of_groups.chain(self.own.values().flat_map(|own| &own.variables)) {
            let harmless = variable.name == "ansible_connection"
                && variable.value.as_deref().is_some_and(|value| matches!(value, "ssh" | "smart" | "local"));
            if !carried.contains(&variable.name.as_str()) && !harmless {
                lines.entry(&variable.name).or_default().insert(variable.line);
            }
        }
        let mut lines: Vec<(usize, String)> = lines
            .into_iter()
            .map(|(name, lines)| {
                let first = lines.first().copied().unwrap_or(1);
                let more = if lines.len() > 1 { format!(" and {} more", lines.len() - 1) } else { String::new() };
                (first, format!("line {first}{more}: `{name}`{}", why(name)))
            })
            .collect();
        lines.sort_unstable();
        lines.into_iter().map(|(_first, line)| line).collect()
    }
}

/// Why a variable has no place in a fleet file.
fn why(name: &str) -> &'static str {
    match name {
        "ansible_connection" => ": only ssh is spoken",
        "ansible_password" | "ansible_ssh_pass" | "ansible_ssh_private_key_file" | "ansible_private_key_file" => {
            ": ssh logs in with the keys of ~/.ssh/config and the agent"
        }
        "ansible_ssh_common_args" | "ansible_ssh_extra_args" => ": options of ssh belong into ~/.ssh/config",
        name if name.starts_with("ansible_become") => ": commands of a runbook say `sudo` themselves",
        _ => "",
    }
}
