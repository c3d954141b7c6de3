import Settings
import Tensors

/// A reference as a run wants it: where its weights are, which ranks hold them, and what objectives read of it.
package struct ReferenceModel {
    package let settings: ReferenceSettings
    package let configuration: ModelConfiguration
    package let source: any ParameterSource
    /// Nil: the policy's own layout.
    package let placement: ReferencePlacement?
    package let needs: ReferenceNeeds

    package init(
        _ settings: ReferenceSettings, configuration: ModelConfiguration, source: any ParameterSource,
        placement: ReferencePlacement?, needs: ReferenceNeeds
    ) {
        self.settings = settings
        self.configuration = configuration
        self.source = source
        self.placement = placement
        self.needs = needs
    }
}
