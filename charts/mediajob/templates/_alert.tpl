{{- /* A rule. A dict with root, name, severity, for, expr, summary. */ -}}
{{- define "mediajob.alert" }}
- alert: {{ .name }}
  expr: {{ .expr | toJson }}
  for: {{ .for }}
  labels:
    severity: {{ .severity }}
  annotations:
    summary: {{ .summary | toJson }}
    {{- with .root.Values.monitoring.prometheusRule.runbookUrl }}
    runbook_url: {{ . }}#{{ lower $.name }}
    {{- end }}
{{- end }}
