{{- /*
A NetworkPolicy, as a document that ends with ---. A dict with root, name, namespace, ingress and egress (lists of rules;
empty: none is allowed), and whom it is for: pods (labels) or component. Of a hook also its annotations.
*/ -}}
{{- define "mediajob.policy" -}}
{{- $component := dict "root" .root "component" (default "network" .component) }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels:
    {{- include "mediajob.labels" $component | nindent 4 }}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  podSelector:
    matchLabels:
      {{- if .pods }}
      {{- toYaml .pods | nindent 6 }}
      {{- else }}
      {{- include "mediajob.selector" $component | nindent 6 }}
      {{- end }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- toYaml .ingress | nindent 4 }}
  egress:
    {{- toYaml .egress | nindent 4 }}
---
{{- end }}

{{- define "mediajob.dnsEgress" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
  {{- with .Values.networkPolicy.dnsTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "mediajob.apiEgress" -}}
- ports:
    {{- range .Values.networkPolicy.apiServerPorts }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with .Values.networkPolicy.apiServerTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- /* A dict with root and port. */ -}}
{{- define "mediajob.metricsIngress" -}}
ports:
  - {port: {{ .port }}, protocol: TCP}
{{- with .root.Values.networkPolicy.metricsFrom }}
from:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
