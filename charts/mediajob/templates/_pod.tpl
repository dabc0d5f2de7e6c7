{{- /* `restricted` Pod Security, and a root that nothing can be written to. */ -}}
{{- define "mediajob.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- /* As JSON: what a pod gets by `pod` and by the component's own, which wins. A dict with root and pod. */ -}}
{{- define "mediajob.podOptions" -}}
{{- mergeOverwrite (deepCopy .root.Values.pod) (deepCopy (.pod | default dict)) | toJson -}}
{{- end }}

{{- /* Labels and annotations of a pod. A dict with root, component, pod, and scraped where it has metrics. */ -}}
{{- define "mediajob.podMetadata" -}}
{{- $pod := include "mediajob.podOptions" . | fromJson -}}
labels:
  {{- include "mediajob.labels" . | nindent 2 }}
  {{- if .scraped }}
  mediajob.io/scraped: "true"
  {{- end }}
  {{- with $pod.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $pod.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* What all pods have in common. A dict with root, component, pod, account, token (whether it talks to the API server), graceSeconds. */ -}}
{{- define "mediajob.podCommon" -}}
{{- $pod := include "mediajob.podOptions" . | fromJson -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: {{ .token | default false }}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .graceSeconds }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- range $field := list "nodeSelector" "tolerations" "affinity" "priorityClassName" "runtimeClassName" }}
{{- with index $pod $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- if .spread }}
topologySpreadConstraints:
  {{- if $pod.topologySpreadConstraints }}
  {{- range $pod.topologySpreadConstraints }}
  - {{ toYaml . | nindent 4 | trim }}
    {{- if not .labelSelector }}
    labelSelector:
      matchLabels:
        {{- include "mediajob.selector" $ | nindent 8 }}
    {{- end }}
  {{- end }}
  {{- else }}
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "mediajob.selector" . | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* Time of a service to end: the load balancers' 5 s, its own grace, and 10 s for what hangs. */ -}}
{{- define "mediajob.graceSeconds" -}}
{{- add 15 (int .Values.shutdownGraceSeconds) -}}
{{- end }}

{{- /* Starts slowly at most 2 min; is sent traffic while it is ready; is started again when its event loop stands still. */ -}}
{{- define "mediajob.probes" -}}
startupProbe:
  httpGet: {path: /health/live, port: http}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /health/live, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /health/ready, port: http}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 3
lifecycle:
  # Whoever still sends requests here learns meanwhile that it is ending.
  preStop:
    sleep:
      seconds: 5
{{- end }}

{{- /* Settings by `config` and `extraEnv`. A dict with root, component, pod, config. */ -}}
{{- define "mediajob.settings" -}}
{{- $known := include (printf "mediajob.settings.%s" .component) . | fromJsonArray -}}
{{- $settings := dict -}}
{{- range $name, $value := .root.Values.config -}}
{{- if has $name $known -}}{{- $_ := set $settings $name $value -}}{{- end -}}
{{- end -}}
{{- $settings = merge (deepCopy .config) $settings -}}
{{- range $name := keys $settings | sortAlpha }}
{{- $value := index $settings $name }}
- name: {{ $name }}
  value: {{ ternary (printf "%v" (int64 $value)) (toString $value) (kindIs "float64" $value) | quote }}
{{- end }}
{{- with (include "mediajob.podOptions" . | fromJson).extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Settings of every service. A dict with root, port, metricsPort. */ -}}
{{- define "mediajob.commonEnv" -}}
- name: MEDIAJOB_HOST
  value: {{ .root.Values.listenAddress | quote }}
- name: MEDIAJOB_PORT
  value: {{ .port | quote }}
- name: MEDIAJOB_METRICS_PORT
  value: {{ .metricsPort | quote }}
- name: MEDIAJOB_INSTANCE
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: MEDIAJOB_LOG_LEVEL
  value: {{ .root.Values.logLevel }}
- name: MEDIAJOB_SHUTDOWN_GRACE
  value: {{ printf "%ds" (int .root.Values.shutdownGraceSeconds) }}
{{- end }}

{{- define "mediajob.mediaVolume" -}}
- name: media
  persistentVolumeClaim:
    claimName: {{ include "mediajob.mediaClaim" . }}
{{- end }}

{{- /* `readOnly` belongs to the mount: some drivers cannot attach one volume in both ways to one node. */ -}}
{{- define "mediajob.modelsVolume" -}}
- name: models
  persistentVolumeClaim:
    claimName: {{ include "mediajob.modelsClaim" . }}
{{- end }}

{{- define "mediajob.tmpVolume" -}}
- name: tmp
  emptyDir:
    sizeLimit: 1Gi
{{- end }}
