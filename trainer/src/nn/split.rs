//! A network split into the layers that stay as they are and those that adapt.

use std::ops::Range;

use super::{LayerStatistics, Network, NetworkSpec, Statistics, TensorInfo};

impl Network {
    /// The frozen layers, all below the lowest that adapts, and the others as a network
    /// of their own. What the frozen layers make of an example is the same at every inner
    /// step.
    ///
    /// `None` where the first layer adapts, or where a frozen batch norm has statistics
    /// for each step.
    pub fn split_frozen(&self) -> Option<(Self, Self)> {
        let lowest = self.tensors.iter().find(|info| info.adapts)?.layer;
        let per_step = self.stored_layers().into_iter();
        let mut per_step = per_step.filter(|(_, statistics)| *statistics == Statistics::PerStep);
        if lowest == 0 || per_step.any(|(layer, _)| layer < lowest) {
            return None;
        }
        let layers = self.layers.len();
        Some((self.part(0..lowest), self.part(lowest..layers)))
    }

    /// The layers below the head, the last layer with tensors, as a network of their own;
    /// `None` where the head is the first.
    pub(crate) fn below_head(&self) -> Option<Self> {
        let head = self.tensors.last()?.layer;
        (head > 0).then(|| self.part(0..head))
    }

    /// Some of the layers, at least one, with their tensors.
    fn part(&self, range: Range<usize>) -> Self {
        let layers = self.layers[range.clone()].to_vec();
        let tensors: Vec<TensorInfo> = self.tensors[self.first[range.start]..self.first[range.end]]
            .iter()
            .map(|info| TensorInfo {
                layer: info.layer - range.start,
                ..info.clone()
            })
            .collect();
        let first = &self.first[range.start..=range.end];
        let statistics = self.statistics.iter();
        Self {
            spec: NetworkSpec {
                input: layers[0].input,
                layers: self.spec.layers[range.clone()].to_vec(),
            },
            first: first.iter().map(|index| index - first[0]).collect(),
            output: layers[layers.len() - 1].output,
            statistics: statistics
                .filter(|of_layer| range.contains(&of_layer.layer))
                .map(|of_layer| LayerStatistics {
                    layer: of_layer.layer - range.start,
                    rows: of_layer.rows.clone(),
                })
                .collect(),
            layers,
            tensors,
        }
    }
}
