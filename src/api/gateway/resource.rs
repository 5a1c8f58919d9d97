//! What every kind of the group has in common: its head, its names, its JSON frame.

/// Defines a kind of `gateway.networking.k8s.io/v1`, or of the group and version that are given,
/// with `metadata`, `spec` and, if it has one, `status`, and tells kube its names.
macro_rules! kind {
    (
        $(#[$doc:meta])*
        $name:ident, $kind:literal, $plural:literal, $scope:ty, spec: $spec:ty $(, status: $status:ty)?
    ) => {
        $crate::api::gateway::resource::kind! {
            $(#[$doc])*
            $name, $kind, $plural, $scope, of: "gateway.networking.k8s.io", "v1",
            spec: $spec $(, status: $status)?
        }
    };
    (
        $(#[$doc:meta])*
        $name:ident, $kind:literal, $plural:literal, $scope:ty, of: $group:literal, $version:literal,
        spec: $spec:ty $(, status: $status:ty)?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
        pub struct $name {
            /// The object's head.
            #[serde(default)]
            pub metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
            /// What is wanted.
            pub spec: $spec,
            $(
                /// What the controllers say.
                #[serde(default)]
                pub status: Option<$status>,
            )?
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("apiVersion", concat!($group, "/", $version))?;
                map.serialize_entry("kind", $kind)?;
                map.serialize_entry("metadata", &self.metadata)?;
                map.serialize_entry("spec", &self.spec)?;
                $(
                    let status: &Option<$status> = &self.status;
                    if let Some(status) = status {
                        map.serialize_entry("status", status)?;
                    }
                )?
                map.end()
            }
        }

        impl kube::Resource for $name {
            type DynamicType = ();
            type Scope = $scope;

            fn kind((): &()) -> std::borrow::Cow<'_, str> {
                $kind.into()
            }

            fn group((): &()) -> std::borrow::Cow<'_, str> {
                $group.into()
            }

            fn version((): &()) -> std::borrow::Cow<'_, str> {
                $version.into()
            }

            fn plural((): &()) -> std::borrow::Cow<'_, str> {
                $plural.into()
            }

            fn meta(&self) -> &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &mut self.metadata
            }
        }
    };
}

pub(super) use kind;
