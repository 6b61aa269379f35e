//! What follows from the list of layers in [`super`].

/// The enums of all layers. First those with keys, whose variants hold them, then those
/// without, each with its name in configs.
macro_rules! layers {
    (
        $($(#[$keyed_cfg:meta])* $Keyed:ident $keyed:literal),+;
        $($(#[$plain_cfg:meta])* $Plain:ident $plain:literal),+ $(,)?
    ) => {
        /// One layer. A batch is `[tasks, examples, features]`; every layer maps the last
        /// axis, whose numbers are positions × channels.
        ///
        /// In a config it is a table with its name, `kind`, and its keys.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", deny_unknown_fields)]
        pub enum LayerSpec {
            $(
                $(#[$keyed_cfg])*
                #[doc = concat!("`", $keyed, "`: see [`", stringify!($Keyed), "`].")]
                #[serde(rename = $keyed)]
                $Keyed($Keyed),
            )+
            $(
                $(#[$plain_cfg])*
                #[doc = concat!("`", $plain, "`: see [`", stringify!($Plain), "`].")]
                #[serde(rename = $plain)]
                $Plain,
            )+
        }

        impl LayerSpec {
            /// The names of all layers, as configs write them.
            pub const KINDS: &'static [&'static str] = &[
                $($(#[$keyed_cfg])* $keyed,)+
                $($(#[$plain_cfg])* $plain,)+
            ];

            /// The layer's name, as configs write it.
            pub fn kind(&self) -> &'static str {
                match self {
                    $($(#[$keyed_cfg])* Self::$Keyed(_) => $keyed,)+
                    $($(#[$plain_cfg])* Self::$Plain => $plain,)+
                }
            }

            /// What it says about itself.
            pub(crate) fn facts(&self) -> &dyn Facts {
                match self {
                    $($(#[$keyed_cfg])* Self::$Keyed(layer) => layer,)+
                    $($(#[$plain_cfg])* Self::$Plain => &$Plain,)+
                }
            }

            /// The first key with a value that no layer can have.
            pub(crate) fn fault(&self) -> Option<KeyFault> {
                match self {
                    $($(#[$keyed_cfg])* Self::$Keyed(layer) => layer.fault(),)+
                    $($(#[$plain_cfg])* Self::$Plain => None,)+
                }
            }

            /// The keys that say how wide it is.
            pub(crate) fn widths(&mut self) -> Widths<'_> {
                match self {
                    $($(#[$keyed_cfg])* Self::$Keyed(layer) => layer.widths(),)+
                    $($(#[$plain_cfg])* Self::$Plain => Widths::default(),)+
                }
            }

            /// The layer that computes, for examples of shape `input`.
            pub(in crate::nn) fn build(&self, input: Shape) -> Result<AnyLayer, String> {
                Ok(match self {
                    $($(#[$keyed_cfg])* Self::$Keyed(layer) => {
                        AnyLayer::$Keyed(layer.build(input)?)
                    })+
                    $($(#[$plain_cfg])* Self::$Plain => AnyLayer::$Plain($Plain.build(input)?),)+
                })
            }
        }

        $($(#[$keyed_cfg])* impl From<$Keyed> for LayerSpec {
            fn from(layer: $Keyed) -> Self {
                Self::$Keyed(layer)
            }
        })+

        $($(#[$plain_cfg])* impl From<$Plain> for LayerSpec {
            fn from(_: $Plain) -> Self {
                Self::$Plain
            }
        })+

        operations! {
            $($(#[$keyed_cfg])* $Keyed,)+
            $($(#[$plain_cfg])* $Plain,)+
        }
    };
}

/// The enum of all layers that compute.
macro_rules! operations {
    ($($(#[$cfg:meta])* $Kind:ident,)+) => {
        /// A layer that computes.
        #[derive(Clone, Debug)]
        pub(in crate::nn) enum AnyLayer {
            $($(#[$cfg])* $Kind(<$Kind as Build>::Layer),)+
        }

        impl Operation for AnyLayer {
            fn forward<B: Backend>(
                &self,
                params: &[Tensor<B, 3>],
                x: Tensor<B, 3>,
            ) -> (Tensor<B, 3>, Vec<Tensor<B, 3>>) {
                match self {
                    $($(#[$cfg])* Self::$Kind(layer) => layer.forward(params, x),)+
                }
            }

            fn sums<B: Backend>(
                &self,
                kept: &[Tensor<B, 3>],
                dy: &Tensor<B, 3>,
            ) -> Vec<Tensor<B, 3>> {
                match self {
                    $($(#[$cfg])* Self::$Kind(layer) => layer.sums(kept, dy),)+
                }
            }

            fn input_gradient<B: Backend>(
                &self,
                params: &[Tensor<B, 3>],
                pass: &Pass<'_, B>,
                gradient: &OutputGradient<B>,
            ) -> Tensor<B, 3> {
                match self {
                    $($(#[$cfg])* Self::$Kind(layer) => {
                        layer.input_gradient(params, pass, gradient)
                    })+
                }
            }

            fn gradients<B: Backend>(
                &self,
                pass: &Pass<'_, B>,
                gradient: &OutputGradient<B>,
                adapts: &[bool],
            ) -> Vec<Option<Tensor<B, 3>>> {
                match self {
                    $($(#[$cfg])* Self::$Kind(layer) => layer.gradients(pass, gradient, adapts),)+
                }
            }

            fn forward_tangent<B: Backend>(
                &self,
                at: &Passes<'_, B>,
                x_dot: Option<Tensor<B, 3>>,
            ) -> ForwardTangent<B> {
                match self {
                    $($(#[$cfg])* Self::$Kind(layer) => layer.forward_tangent(at, x_dot),)+
                }
            }

            fn backward_tangent<B: Backend>(
                &self,
                at: &Passes<'_, B>,
                forward: &ForwardTangent<B>,
                dy_dot: Tensor<B, 3>,
                of_input: bool,
            ) -> (Vec<Tensor<B, 3>>, Option<Tensor<B, 3>>) {
                match self {
                    $($(#[$cfg])* Self::$Kind(layer) => {
                        layer.backward_tangent(at, forward, dy_dot, of_input)
                    })+
                }
            }

            fn norm(&self) -> Option<&Norm> {
                match self {
                    $($(#[$cfg])* Self::$Kind(layer) => layer.norm(),)+
                }
            }

            fn norm_mut(&mut self) -> Option<&mut Norm> {
                match self {
                    $($(#[$cfg])* Self::$Kind(layer) => layer.norm_mut(),)+
                }
            }
        }
    };
}
