//! Fitting the Universal Scalability Law to measured points by least squares, with
//! both coefficients held at 0 or more. Deterministic; the uncertainty is in `band`.

use std::fmt;

use super::Usl;

/// The fewest distinct numbers of clients that are fitted: three parameters, and one
/// point more to show that they do not fit. N. J. Gunther and the usl4j library ask
/// for six, without which a fit says little; `UslFit::loads` tells.
pub const FEWEST_LOADS: usize = 4;

/// What the least squares are taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residuals {
    /// X̂ ÷ X − 1: each point counts alike, as its noise is a share of its level.
    Relative,
    /// X̂ − X in requests per second, as most published fits have it: the points of
    /// highest throughput decide.
    Absolute,
}

/// Why there is no fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum UslError {
    /// Fewer distinct numbers of clients than [`FEWEST_LOADS`].
    TooFewLoads {
        /// How many there are.
        loads: usize,
    },
    /// A point with fewer than one client, or no positive, finite throughput.
    Unusable {
        /// The number of clients.
        clients: f64,
        /// The throughput in requests per second.
        throughput_rps: f64,
    },
}

impl fmt::Display for UslError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewLoads { loads } => write!(
                f,
                "a fit needs {FEWEST_LOADS} distinct numbers of clients, and there are {loads}"
            ),
            Self::Unusable {
                clients,
                throughput_rps,
            } => write!(
                f,
                "{throughput_rps} requests/s at {clients} clients cannot be fitted"
            ),
        }
    }
}

impl std::error::Error for UslError {}

/// A fitted law, and how well it fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UslFit {
    /// The law.
    pub usl: Usl,
    /// 1 − Σ(X−X̂)² ÷ Σ(X−mean)², of throughputs whatever the residuals were; at most
    /// 1, below 0 where the mean would fit better, NaN where all throughputs are equal.
    pub r_squared: f64,
    /// √(Σ(X−X̂)² ÷ (n−3)), the residual standard error in requests per second.
    pub standard_error_rps: f64,
    /// √(Σ(X̂ ÷ X − 1)² ÷ n): 0.02 reads as "2 % off, typically".
    pub relative_error: f64,
    /// How many points were fitted.
    pub points: usize,
    /// At how many distinct numbers of clients.
    pub loads: usize,
}

/// Fits points `(clients, throughput in requests/s)` by relative residuals, in any
/// order; several points may have the same number of clients.
pub fn fit(points: &[(f64, f64)]) -> Result<UslFit, UslError> {
    fit_by(points, Residuals::Relative)
}

/// [`fit`] with a choice of residuals.
///
/// With a = 1 ÷ λ, b = σ ÷ λ and c = κ ÷ λ, N ÷ X = a + b(N−1) + cN(N−1) is linear.
/// Its linear least squares are the start of a Levenberg–Marquardt iteration
/// (D. W. Marquardt, SIAM Journal 11(2), 1963) on the residuals asked for. The bounds
/// are met by trying all four subsets of {b, c} held at 0, so that a coefficient at its
/// bound needs no luck, and by releasing from the best of them what would descend.
pub fn fit_by(points: &[(f64, f64)], residuals: Residuals) -> Result<UslFit, UslError> {
    let problem = Problem::new(points, residuals)?;
    let subsets: [&[usize]; 4] = [&[0], &[0, 1], &[0, 2], &[0, 1, 2]];
    let mut best = (f64::INFINITY, [1.0, 0.0, 0.0]);
    for free in subsets {
        let found = problem.minimise(problem.start(free), free);
        // One coefficient more must earn its place beyond rounding.
        if found.0 < best.0 * (1.0 - 1e-9) {
            best = found;
        }
    }
    Ok(problem.describe(points, problem.law(problem.released(best))))
}

/// The points in units in which all figures are near 1.
struct Problem {
    points: Vec<Scaled>,
    clients_scale: f64,
    throughput_scale: f64,
    loads: usize,
}

struct Scaled {
    clients: f64,
    throughput: f64,
    /// 1, N−1 and N(N−1), each over its largest power of N.
    features: [f64; 3],
    /// What a residual is multiplied by.
    weight: f64,
}

/// a, b and c in scaled units.
type Coefficients = [f64; 3];

impl Problem {
    fn new(points: &[(f64, f64)], residuals: Residuals) -> Result<Self, UslError> {
        let usable = |(n, x): (f64, f64)| n >= 1.0 && n.is_finite() && x > 0.0 && x.is_finite();
        if let Some((clients, throughput_rps)) = points.iter().copied().find(|p| !usable(*p)) {
            return Err(UslError::Unusable {
                clients,
                throughput_rps,
            });
        }
        let mut loads: Vec<f64> = points.iter().map(|(n, _)| *n).collect();
        loads.sort_by(f64::total_cmp);
        loads.dedup();
        let loads = loads.len();
        if loads < FEWEST_LOADS {
            return Err(UslError::TooFewLoads { loads });
        }
        let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
        let clients_scale = largest(&mut points.iter().map(|(n, _)| *n));
        let throughput_scale = largest(&mut points.iter().map(|(_, x)| *x));
        let points = points
            .iter()
            .map(|(n, x)| {
                let (clients, throughput) = (n / clients_scale, x / throughput_scale);
                let others = (n - 1.0) / clients_scale;
                Scaled {
                    clients,
                    throughput,
                    features: [1.0, others, clients * others],
                    weight: match residuals {
                        Residuals::Relative => 1.0 / throughput,
                        Residuals::Absolute => 1.0,
                    },
                }
            })
            .collect();
        Ok(Self {
            points,
            clients_scale,
            throughput_scale,
            loads,
        })
    }

    /// The best point reached from `best` when coefficients at their bound may leave it
    /// where that descends (the condition of Karush, Kuhn and Tucker). A subset's own start
    /// may lie outside the bounds, and its iteration end at one.
    fn released(&self, mut best: (f64, Coefficients)) -> Coefficients {
        loop {
            let (_, descent) = self.normal_equations(best.1, &[0, 1, 2]);
            let moves = |k: &usize| *k == 0 || best.1[*k] > 0.0 || descent[*k] > 0.0;
            let free: Vec<usize> = (0..3).filter(moves).collect();
            let found = self.minimise(best.1, &free);
            // Each round must gain, so there is an end.
            if found.0 >= best.0 * (1.0 - 1e-9) {
                return best.1;
            }
            best = found;
        }
    }

    /// The least sum of squares from a point, with only the coefficients `free` to move.
    fn minimise(&self, mut at: Coefficients, free: &[usize]) -> (f64, Coefficients) {
        let mut squares = self.squares(at);
        let mut damping = 1e-3;
        for _ in 0..500 {
            let (matrix, gradient) = self.normal_equations(at, free);
            let Some(step) = solve(damped(matrix, damping, free), gradient, free) else {
                break;
            };
            let next = [0, 1, 2].map(|k| at[k] + step[k]);
            let next_squares = self.squares(next);
            if next_squares < squares {
                let gain = 1.0 - next_squares / squares;
                (at, squares) = (next, next_squares);
                damping = (damping / 10.0).max(1e-12);
                if gain < 1e-14 {
                    break;
                }
            } else {
                damping *= 10.0;
                if damping > 1e12 {
                    break;
                }
            }
        }
        (squares, at)
    }

    /// Linear least squares of N ÷ X, or a flat law where those are not feasible.
    fn start(&self, free: &[usize]) -> Coefficients {
        let mut matrix = [[0.0; 3]; 3];
        let mut right = [0.0; 3];
        for point in &self.points {
            // In these units a residual of N ÷ X is one of X, but for second order.
            let weight = (point.weight * point.throughput.powi(2) / point.clients).powi(2);
            for &i in free {
                right[i] += weight * point.features[i] * point.clients / point.throughput;
                for &j in free {
                    matrix[i][j] += weight * point.features[i] * point.features[j];
                }
            }
        }
        let linear = solve(matrix, right, free).unwrap_or([f64::NAN; 3]);
        if self.squares(linear).is_finite() {
            return linear;
        }
        let held = |k: usize| if free.contains(&k) { 1e-3 } else { 0.0 };
        let largest = self
            .points
            .iter()
            .map(|point| point.clients / point.throughput)
            .fold(f64::INFINITY, f64::min);
        [largest, held(1), held(2)]
    }

    /// X̂ in scaled units.
    fn predicted(point: &Scaled, at: Coefficients) -> f64 {
        let cycle: f64 = (0..3).map(|k| at[k] * point.features[k]).sum();
        point.clients / cycle
    }

    /// The sum of squared residuals; infinite outside the bounds.
    fn squares(&self, at: Coefficients) -> f64 {
        if !(at[0] > 0.0 && at[1] >= 0.0 && at[2] >= 0.0) {
            return f64::INFINITY;
        }
        self.points
            .iter()
            .map(|point| (point.weight * (Self::predicted(point, at) - point.throughput)).powi(2))
            .sum()
    }

    /// The matrix `JᵀJ` and the vector `−Jᵀr`.
    fn normal_equations(&self, at: Coefficients, free: &[usize]) -> ([[f64; 3]; 3], [f64; 3]) {
        let mut matrix = [[0.0; 3]; 3];
        let mut gradient = [0.0; 3];
        for point in &self.points {
            let predicted = Self::predicted(point, at);
            let residual = point.weight * (predicted - point.throughput);
            // dX̂ ÷ da = −X̂² ÷ N, and so on with the other features.
            let slope = -point.weight * predicted.powi(2) / point.clients;
            for &i in free {
                gradient[i] -= residual * slope * point.features[i];
                for &j in free {
                    matrix[i][j] += slope.powi(2) * point.features[i] * point.features[j];
                }
            }
        }
        (matrix, gradient)
    }

    /// Back from a, b and c in scaled units to λ, σ and κ.
    fn law(&self, [a, b, c]: Coefficients) -> Usl {
        Usl {
            lambda: self.throughput_scale / (a * self.clients_scale),
            sigma: b / a / self.clients_scale,
            kappa: c / a / self.clients_scale.powi(2),
        }
    }

    fn describe(&self, points: &[(f64, f64)], usl: Usl) -> UslFit {
        let n = points.len() as f64;
        let mean = points.iter().map(|(_, x)| x).sum::<f64>() / n;
        let sum = |square: &dyn Fn(f64, f64) -> f64| -> f64 {
            points.iter().map(|(n, x)| square(*n, *x)).sum()
        };
        let squares = sum(&|n, x| (x - usl.throughput(n)).powi(2));
        let total = sum(&|_, x| (x - mean).powi(2));
        let relative = sum(&|n, x| (usl.throughput(n) / x - 1.0).powi(2));
        UslFit {
            usl,
            r_squared: 1.0 - squares / total,
            standard_error_rps: (squares / (n - 3.0)).sqrt(),
            relative_error: (relative / n).sqrt(),
            points: points.len(),
            loads: self.loads,
        }
    }
}

/// Marquardt's damping: the diagonal grows by a share of itself.
fn damped(mut matrix: [[f64; 3]; 3], damping: f64, free: &[usize]) -> [[f64; 3]; 3] {
    for &i in free {
        matrix[i][i] *= 1.0 + damping;
    }
    matrix
}

/// Solves the equations of the unknowns `free`, the others being 0, by elimination with
/// pivots on the diagonal (the matrix is positive definite); `None` where it is not.
fn solve(mut matrix: [[f64; 3]; 3], mut right: [f64; 3], free: &[usize]) -> Option<[f64; 3]> {
    for (done, &pivot) in free.iter().enumerate() {
        if !(matrix[pivot][pivot] > 0.0 && matrix[pivot][pivot].is_finite()) {
            return None;
        }
        for &row in &free[done + 1..] {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            for &column in &free[done..] {
                matrix[row][column] -= factor * matrix[pivot][column];
            }
            right[row] -= factor * right[pivot];
        }
    }
    let mut solution = [0.0; 3];
    for (done, &row) in free.iter().enumerate().rev() {
        let known: f64 = free[done + 1..]
            .iter()
            .map(|&column| matrix[row][column] * solution[column])
            .sum();
        solution[row] = (right[row] - known) / matrix[row][row];
    }
    Some(solution)
}

#[cfg(test)]
mod tests;
