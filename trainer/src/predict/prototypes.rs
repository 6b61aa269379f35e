//! A class is the mean of its examples' embeddings, and a query belongs to the nearest
//! (Snell, Swersky & Zemel 2017).

use burn::tensor::{Tensor, backend::Backend};

/// `−‖z − c_k‖²` for every query and class, `[T, Q, N]`, from embedded support
/// examples `[T, S, d]` with one-hot classes `[T, S, N]`, and embedded queries
/// `[T, Q, d]`.
pub fn logits<B: Backend>(
    support: Tensor<B, 3>,
    classes: Tensor<B, 3>,
    queries: Tensor<B, 3>,
) -> Tensor<B, 3> {
    let (prototypes, _) = prototypes(support, classes);
    let squares = |x: &Tensor<B, 3>| (x.clone() * x.clone()).sum_dim(2);
    let of_queries = squares(&queries);
    let of_prototypes = squares(&prototypes).swap_dims(1, 2);
    let products = queries.matmul(prototypes.swap_dims(1, 2));
    // −‖z‖² + 2⟨z, c⟩ − ‖c‖².
    products.mul_scalar(2.0) - of_queries - of_prototypes
}

/// The gradients by support examples `[T, S, d]` and queries `[T, Q, d]` for a gradient
/// `d [T, Q, N]` by [`logits`].
pub(crate) fn logits_gradient<B: Backend>(
    support: Tensor<B, 3>,
    classes: Tensor<B, 3>,
    queries: Tensor<B, 3>,
    d: Tensor<B, 3>,
) -> (Tensor<B, 3>, Tensor<B, 3>) {
    let (prototypes, counts) = prototypes(support, classes.clone());
    let of_queries = d.clone().sum_dim(2);
    let of_classes = d.clone().sum_dim(1).swap_dims(1, 2);
    let dqueries = d.clone().matmul(prototypes.clone()) - queries.clone() * of_queries;
    let dprototypes = d.swap_dims(1, 2).matmul(queries) - prototypes * of_classes;
    let dsupport = classes.matmul(dprototypes / counts);
    (dsupport.mul_scalar(2.0), dqueries.mul_scalar(2.0))
}

/// The mean embedding of every class, `[T, N, d]`, and the number of its examples,
/// `[T, N, 1]`. Each must have one.
pub(crate) fn prototypes<B: Backend>(
    support: Tensor<B, 3>,
    classes: Tensor<B, 3>,
) -> (Tensor<B, 3>, Tensor<B, 3>) {
    let counts = classes.clone().sum_dim(1).swap_dims(1, 2);
    let means = classes.swap_dims(1, 2).matmul(support) / counts.clone();
    (means, counts)
}
