//! Who and what had to do with each other: entities in columns (who, where, what, outside), and lines between them.

use std::collections::{BTreeMap, BTreeSet};

use incident::{Entity, EntityKind, Incident, LinkKind};

use super::markup::Html;
use crate::{
    incidents::words::strongest,
    plain::{shorten, shorten_front},
    terminal::page::thousands,
};

/// How many entities a column shows.
const ROWS: usize = 8;
/// How many steps of an entity, and how many links of the incident, are looked at.
const STEPS: usize = 500;
const LINKS: usize = 2_000;
/// How many entities the table names.
const NAMED: usize = 60;
/// Sizes, in units of the drawing.
const WIDTH: f64 = 960.0;
const NODE: (f64, f64) = (190.0, 36.0);
const ROW: f64 = 48.0;
const TOP: f64 = 28.0;
/// How much room a line needs to change its row.
const BEND: f64 = 26.0;
/// How much of a name fits into a node, in columns.
const NAME: usize = 26;
/// What stands above the columns.
const COLUMNS: [&str; 4] = ["Who", "Where", "What", "Outside and network"];

/// The column in which entities of a kind stand.
const fn column(kind: EntityKind) -> usize {
    match kind {
        EntityKind::Account | EntityKind::Mail | EntityKind::Key | EntityKind::Certificate | EntityKind::Session => 0,
        EntityKind::Host => 1,
        EntityKind::Process
        | EntityKind::File
        | EntityKind::Hash
        | EntityKind::Service
        | EntityKind::Task
        | EntityKind::RegistryKey => 2,
        EntityKind::Domain | EntityKind::Url | EntityKind::Address => 3,
    }
}

/// An entity that is drawn.
struct Node<'a> {
    entity: &'a Entity,
    steps: &'a [usize],
    column: usize,
    /// Which of the columns that are drawn it is.
    place: usize,
    x: f64,
    y: f64,
}

/// A line between two nodes, and why it is there.
struct Edge<'a> {
    kind: Option<LinkKind>,
    why: &'a str,
}

/// Draws the graph, and under it a table of all names.
pub(super) fn draw(html: &mut Html, incident: &Incident) {
    let nodes = nodes(incident);
    if nodes.len() < 2 {
        return;
    }
    html.raw("<h4>Who and what had to do with each other</h4>");
    let bottom = nodes.iter().map(|node| node.y).fold(0.0, f64::max) + ROW;
    html.element("figure", &[("class", &"scroll"), ("tabindex", &0)], |html| {
        let view = format!("0 0 {WIDTH} {bottom}");
        let label = "Graph of hosts, accounts, files and addresses; the steps and the table of names say the same";
        html.element(
            "svg",
            &[("viewBox", &view), ("role", &"img"), ("aria-label", &label), ("class", &"graph")],
            |html| {
                for ((from, to), edge) in &edges(incident, &nodes) {
                    if let Some((from, to)) = nodes.get(*from).zip(nodes.get(*to)) {
                        draw_edge(html, from, to, edge);
                    }
                }
                draw_headings(html, &nodes);
                nodes.iter().for_each(|node| draw_node(html, node));
            },
        );
        html.raw(
            "<figcaption>Thin lines: seen in the same step. Thick lines: linked, by what the steps say.</figcaption>",
        );
    });
    table(html, incident);
}

/// The entities of most steps, in columns; columns without any take no room.
fn nodes(incident: &Incident) -> Vec<Node<'_>> {
    let mut filled = [0usize; COLUMNS.len()];
    let mut nodes = Vec::new();
    for (entity, steps) in &incident.entities {
        let column = column(entity.kind);
        let Some(row) = filled.get_mut(column).filter(|row| **row < ROWS) else { continue };
        let y = TOP + ROW * *row as f64;
        *row += 1;
        nodes.push(Node { entity, steps, column, place: 0, x: 0.0, y });
    }
    let used: Vec<usize> =
        (0..COLUMNS.len()).filter(|column| filled.get(*column).is_some_and(|row| *row > 0)).collect();
    let apart = (WIDTH - NODE.0) / (used.len().max(2) - 1) as f64;
    for node in &mut nodes {
        let place = used.iter().position(|column| *column == node.column).unwrap_or(0);
        node.place = place;
        // Lines within the last column need some room at its right.
        node.x = (apart * place as f64 - if place + 1 == used.len() { 40.0 } else { 0.0 }).max(0.0).round();
    }
    nodes
}

/// Lines between nodes, by the numbers of their ends.
fn edges<'a>(incident: &'a Incident, nodes: &[Node<'_>]) -> BTreeMap<(usize, usize), Edge<'a>> {
    let mut of_step: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (number, node) in nodes.iter().enumerate() {
        node.steps.iter().take(STEPS).for_each(|step| of_step.entry(*step).or_default().push(number));
    }
    let mut edges = BTreeMap::new();
    for link in strongest(incident).into_iter().flatten().take(LINKS) {
        let ends = (of_step.get(&link.from), of_step.get(&link.to));
        let (Some(from), Some(to)) = ends else { continue };
        let (Some(from), Some(to)) = (stands_for(nodes, from, link.kind), stands_for(nodes, to, link.kind)) else {
            continue;
        };
        if from != to {
            edges.entry((from.min(to), from.max(to))).or_insert(Edge { kind: Some(link.kind), why: &link.why });
        }
    }
    for together in of_step.values().collect::<BTreeSet<_>>() {
        let (hosts, others): (Vec<usize>, Vec<usize>) = together
            .iter()
            .partition(|number| nodes.get(**number).is_some_and(|node| node.entity.kind == EntityKind::Host));
        for (host, other) in hosts.iter().flat_map(|host| others.iter().map(move |other| (*host, *other))) {
            edges.entry((host.min(other), host.max(other))).or_insert(Edge { kind: None, why: "" });
        }
    }
    edges
}

/// The node that stands for a step at a link's end: of a login the host, else what is rarest.
fn stands_for(nodes: &[Node<'_>], of_step: &[usize], kind: LinkKind) -> Option<usize> {
    let rarity = |number: &usize| {
        let node = nodes.get(*number);
        let is_host = node.is_some_and(|node| node.entity.kind == EntityKind::Host);
        (is_host != (kind == LinkKind::Login), node.map_or(usize::MAX, |node| node.steps.len()), *number)
    };
    of_step.iter().copied().min_by_key(rarity)
}

fn draw_edge(html: &mut Html, from: &Node<'_>, to: &Node<'_>, edge: &Edge<'_>) {
    let (from, to) = if from.x <= to.x { (from, to) } else { (to, from) };
    let path = path(from, to);
    let class = if edge.kind.is_some() { "edge link" } else { "edge" };
    html.element("path", &[("class", &class), ("d", &path)], |html| {
        if let Some(kind) = edge.kind {
            let kind = kind.as_str().replace('_', " ");
            html.words("title", &[], &format!("{kind}: {}", shorten(edge.why, 160)));
        }
    });
}

/// The way of a line: straight on to the next column, in a bow within one column, and past columns in the gap under the row it begins in.
fn path(from: &Node<'_>, to: &Node<'_>) -> String {
    let (x, y, end, until) = (from.x + NODE.0, from.y + NODE.1 / 2.0, to.x, to.y + NODE.1 / 2.0);
    if from.column == to.column {
        let out = x + 36.0;
        return format!("M{x:.0} {y:.0}C{out:.0} {y:.0} {out:.0} {until:.0} {x:.0} {until:.0}");
    }
    if to.place - from.place == 1 {
        let half = (x + end) / 2.0;
        return format!("M{x:.0} {y:.0}C{half:.0} {y:.0} {half:.0} {until:.0} {end:.0} {until:.0}");
    }
    let gap = from.y + (NODE.1 + ROW) / 2.0;
    let (out, back) = (x + BEND, end - BEND);
    format!(
        "M{x:.0} {y:.0}C{out:.0} {y:.0} {x:.0} {gap:.0} {out:.0} {gap:.0}H{back:.0}C{end:.0} {gap:.0} {back:.0} {until:.0} {end:.0} {until:.0}"
    )
}

fn draw_headings(html: &mut Html, nodes: &[Node<'_>]) {
    let columns: BTreeMap<usize, f64> = nodes.iter().map(|node| (node.column, node.x)).collect();
    for (column, x) in columns {
        let heading = COLUMNS.get(column).copied().unwrap_or_default();
        html.words("text", &[("class", &"heading"), ("x", &x), ("y", &14)], heading);
    }
}

fn draw_node(html: &mut Html, node: &Node<'_>) {
    let kind = node.entity.kind;
    html.element("g", &[("class", &format_args!("node c{}", node.column))], |html| {
        let (width, height) = NODE;
        html.element(
            "rect",
            &[("x", &node.x), ("y", &node.y), ("width", &width), ("height", &height), ("rx", &6)],
            |html| html.words("title", &[], &shorten(&node.entity.name, 200)),
        );
        let left = node.x + 10.0;
        html.words(
            "text",
            &[("class", &"kind"), ("x", &left), ("y", &(node.y + 13.0))],
            &kind.as_str().replace('_', " "),
        );
        let name = match kind {
            // Of a path its end says most.
            EntityKind::File | EntityKind::Process | EntityKind::RegistryKey => {
                shorten_front(&shorten(&node.entity.name, 400), NAME)
            }
            _ => shorten(&node.entity.name, NAME),
        };
        html.words("text", &[("x", &left), ("y", &(node.y + 28.0))], &name);
    });
}

/// All names with the steps that name them.
fn table(html: &mut Html, incident: &Incident) {
    html.element("details", &[], |html| {
        let all = incident.entities.len();
        html.words("summary", &[], &format!("All names ({})", thousands(all as u64)));
        html.raw(
            "<table><thead><tr><th scope=\"col\">Kind<th scope=\"col\">Name<th scope=\"col\">Steps</thead><tbody>",
        );
        for (entity, steps) in incident.entities.iter().take(NAMED) {
            html.raw("<tr><td>");
            html.text(&entity.kind.as_str().replace('_', " "));
            html.raw("<td><code>");
            html.text(&shorten(&entity.name, 200));
            html.raw("</code><td>");
            let mut numbers: Vec<String> = steps.iter().take(10).map(|step| (step + 1).to_string()).collect();
            if steps.len() > 10 {
                numbers.push(format!("{} more", steps.len() - 10));
            }
            html.text(&numbers.join(", "));
        }
        html.raw("</tbody></table>");
        if let Some(more @ 1..) = all.checked_sub(NAMED) {
            html.words(
                "p",
                &[("class", &"quiet")],
                &format!("… and {} more (--format incidents-json has all)", thousands(more as u64)),
            );
        }
    });
}
