{{- /*
A role with its binding, as documents that end with ---. A dict with root, name, rules, to (account, namespace), and
namespace; without it they are for the whole cluster. Of a hook also its annotations.
*/ -}}
{{- define "mediajob.bound" -}}
{{- $cluster := not .namespace }}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ ternary "ClusterRole" "Role" $cluster }}
metadata:
  {{- include "mediajob.boundMetadata" . | nindent 2 }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ ternary "ClusterRoleBinding" "RoleBinding" $cluster }}
metadata:
  {{- include "mediajob.boundMetadata" . | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ ternary "ClusterRole" "Role" $cluster }}
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ .to.account }}
    namespace: {{ .to.namespace }}
---
{{- end }}

{{- define "mediajob.boundMetadata" -}}
name: {{ .name }}
{{- with .namespace }}
namespace: {{ . }}
{{- end }}
labels:
  {{- include "mediajob.labels" (dict "root" .root "component" "rbac") | nindent 2 }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
