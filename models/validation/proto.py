"""Anomalies as tensorflow_metadata has them, for tools that know TensorFlow Data Validation."""

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from schemas.reports import AnomaliesReport, Anomaly

Measurement = anomalies_pb2.DriftSkewInfo.Measurement
MEASURES = {"jensen_shannon": Measurement.JENSEN_SHANNON_DIVERGENCE, "l_infinity": Measurement.L_INFTY}
SEVERITIES = {"error": anomalies_pb2.AnomalyInfo.ERROR, "warning": anomalies_pb2.AnomalyInfo.WARNING}


def to_proto(report: AnomaliesReport, schema: schema_pb2.Schema) -> anomalies_pb2.Anomalies:
    """One AnomalyInfo per feature, with a reason for each anomaly; a reason's description begins with its split."""
    proto = anomalies_pb2.Anomalies(baseline=schema)
    for anomaly in report.anomalies:
        info = proto.anomaly_info[anomaly.feature] if anomaly.feature else proto.dataset_anomaly_info
        _add_reason(info, anomaly)
    infos: dict[str, anomalies_pb2.DriftSkewInfo] = {}
    for distance in report.distances:
        if distance.feature not in infos:
            infos[distance.feature] = proto.drift_skew_info.add()
            infos[distance.feature].path.step.append(distance.feature)
        measurements = getattr(infos[distance.feature], f"{distance.kind}_measurements")
        # TensorFlow Data Validation knows no allowance for chance; it is part of the threshold here.
        measurements.add(
            type=MEASURES[distance.measure],
            value=distance.value,
            threshold=distance.threshold + distance.allowance,
        )
    return proto


def to_text(report: AnomaliesReport, schema: schema_pb2.Schema) -> str:
    """The same as text."""
    return text_format.MessageToString(to_proto(report, schema), as_utf8=True)


def _add_reason(info: anomalies_pb2.AnomalyInfo, anomaly: Anomaly) -> None:
    short = f"{anomaly.split}: {anomaly.seen}; expected {anomaly.expected}"
    description = f"{short}. To allow it: {anomaly.edit}"
    info.reason.add(
        type=anomalies_pb2.AnomalyInfo.Type.Value(anomaly.name), short_description=short, description=description
    )
    info.severity = max(info.severity, SEVERITIES[anomaly.severity])
    info.short_description = short if len(info.reason) == 1 else f"{len(info.reason)} anomalies"
    info.description = "\n".join(reason.description for reason in info.reason)
    if anomaly.feature and not info.path.step:
        info.path.step.append(anomaly.feature)
