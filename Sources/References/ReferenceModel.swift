import Settings
import Tensors

/// A reference of a run: the source of its weights, the ranks that hold them, and the values that objectives read.
package struct ReferenceModel {
    package let settings: ReferenceSettings
    package let configuration: ModelConfiguration
    package let source: any ParameterSource
    /// Nil: the reference has the policy's layout.
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
