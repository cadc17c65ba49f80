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

/// A group.
#[derive(Debug, Default)]
pub(super) struct Group {
    hosts: Vec<String>,
    children: Vec<String>,
    variables: Vec<Variable>,
}

/// An inventory. Hosts and groups are there once they are named.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// In the order in which they were named first.
    hosts: Vec<String>,
    own: BTreeMap<String, Vec<Variable>>,
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
        if !self.own.contains_key(name) {
            self.hosts.push(name.to_owned());
            self.own.insert(name.to_owned(), Vec::new());
        }
        let group = self.group(group);
        if !group.hosts.iter().any(|host| host == name) {
            group.hosts.push(name.to_owned());
        }
    }

    /// A host has a variable.
    pub(super) fn of_host(&mut self, name: &str, variable: Variable) {
        self.own.entry(name.to_owned()).or_default().push(variable);
    }

    /// A group has a variable.
    pub(super) fn of_group(&mut self, name: &str, variable: Variable) {
        self.group(name).variables.push(variable);
    }

    /// A group is part of another one.
    pub(super) fn child(&mut self, parent: &str, child: &str) {
        self.group(child);
        self.group(parent).children.push(child.to_owned());
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
        Ok(Variables(all.chain(self.own.get(host).into_iter().flatten()).collect()))
    }

    /// The groups of a host, each with how deep it lies below those that nothing is above.
    fn levels(&self, host: &str) -> Result<BTreeMap<&str, usize>, Wrong> {
        let mut found: BTreeSet<&str> = self
            .groups
            .iter()
            .filter(|(_name, group)| group.hosts.iter().any(|one| one == host))
            .map(|(name, _group)| name.as_str())
            .collect();
        let mut fresh: Vec<&str> = found.iter().copied().collect();
        while let Some(group) = fresh.pop() {
            fresh.extend(self.parents(group).filter(|parent| found.insert(parent)));
        }
        found.into_iter().map(|name| Ok((name, self.depth(name, 0)?))).collect()
    }

    fn parents<'a>(&'a self, child: &'a str) -> impl Iterator<Item = &'a str> {
        let has = move |group: &Group| group.children.iter().any(|one| one == child);
        self.groups.iter().filter(move |(_name, group)| has(group)).map(|(name, _group)| name.as_str())
    }

    fn depth(&self, group: &str, below: usize) -> Result<usize, Wrong> {
        if below > self.groups.len() {
            return Err(Wrong { line: 1, what: format!("the group {group} is part of itself") });
        }
        let parents = self.parents(group).map(|parent| self.depth(parent, below + 1));
        Ok(parents.collect::<Result<Vec<_>, _>>()?.into_iter().max().map_or(0, |deepest| deepest + 1))
    }

    /// What is not among these variables, one line for each name, without the values.
    pub(super) fn others(&self, carried: &[&str]) -> Vec<String> {
        let mut lines: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        let of_groups = self.groups.values().flat_map(|group| &group.variables);
        for variable in of_groups.chain(self.own.values().flatten()) {
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
