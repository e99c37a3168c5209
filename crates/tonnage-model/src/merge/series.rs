//! The course of a merged report: slices of the same wall-clock time are one.

use std::collections::BTreeMap;

use super::Windows;
use crate::{Series, Slice};

pub(super) fn merged(left: &Series, right: &Series, windows: &Windows) -> Series {
    let mut sides = [left.clone(), right.clone()];
    let longest_us = left.slice_us.max(right.slice_us);
    for side in &mut sides {
        while side.slice_us > 0 && side.slice_us < longest_us && !side.slices.is_empty() {
            side.double();
        }
    }
    let slice_us = sides.iter().map(|side| side.slice_us).max().unwrap_or(0);
    let placed = sides
        .iter()
        .zip(windows.offsets_us)
        .flat_map(|(side, offset_us)| {
            side.slices.iter().map(move |slice| Slice {
                start_us: slice.start_us + offset_us,
                ..slice.clone()
            })
        });
    let slices = if windows.overlap {
        overlaid(placed, slice_us)
    } else {
        let mut slices: Vec<Slice> = placed.collect();
        slices.sort_by_key(|slice| slice.start_us);
        slices
    };
    let mut series = Series { slice_us, slices };
    series.fold();
    series
}

/// Slices on one grid. Generators never start in the same microsecond, so a slice
/// goes where most of it lies.
fn overlaid(slices: impl Iterator<Item = Slice>, slice_us: u64) -> Vec<Slice> {
    let grid_us = slice_us.max(1);
    let mut places: BTreeMap<u64, Slice> = BTreeMap::new();
    for mut slice in slices {
        let place = (slice.start_us + grid_us / 2) / grid_us;
        slice.start_us = place * grid_us;
        match places.get_mut(&place) {
            Some(there) => {
                there.absorb(&slice);
                there.in_flight += slice.in_flight;
                there.queued += slice.queued;
            }
            None => {
                places.insert(place, slice);
            }
        }
    }
    places.into_values().collect()
}
