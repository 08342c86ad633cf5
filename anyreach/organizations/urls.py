"""Addresses of people, organizations and credentials."""

from allauth.account import views as account
from allauth.usersessions.views import list_usersessions
from django.urls import URLPattern, URLResolver, include, path, re_path

from anyreach.organizations import api, views

Patterns = list[URLPattern | URLResolver]

admin_urlpatterns: Patterns = [
    path("organization-pats", api.ApiKeysView.as_view(), name="admin-api-keys"),
    path("organization-pats/<uuid:key_id>", api.ApiKeyView.as_view(), name="admin-api-key"),
    path("members", api.MembersView.as_view(), name="admin-members"),
    path("members/me/scopes", api.MyScopesView.as_view(), name="admin-my-scopes"),
    path("members/<uuid:member_id>", api.MemberView.as_view(), name="admin-member"),
    path("invitations", api.InvitationsView.as_view(), name="admin-invitations"),
    path("invitations/<uuid:invitation_id>", api.InvitationView.as_view(), name="admin-invitation"),
]

account_urlpatterns: Patterns = [
    path("tokens", views.tokens_page, name="tokens"),
    path("tokens/<uuid:token_id>/delete", views.delete_token, name="delete-token"),
    path("sessions", list_usersessions, name="usersessions_list"),
    path("password", account.password_change, name="account_change_password"),
    path("password/set", account.password_set, name="account_set_password"),
    path("second-factor/", include("allauth.mfa.urls")),
]

organization_urlpatterns: Patterns = [
    path("api-keys", views.api_keys_page, name="api-keys"),
    path("api-keys/<uuid:key_id>/delete", views.delete_api_key, name="delete-api-key"),
    path("members", views.members_page, name="members"),
    path("members/invite", views.invite, name="invite"),
    path("members/<uuid:member_id>/role", views.change_role, name="change-role"),
    path("members/<uuid:member_id>/remove", views.remove_member, name="remove-member"),
    path(
        "invitations/<uuid:invitation_id>/withdraw",
        views.withdraw_invitation,
        name="withdraw-invitation",
    ),
]

# Of allauth's pages only these: accounts come by invitation, and an e-mail address, which
# invitations are bound to, is not changed by its owner. The names are allauth's.
_sign_in_urlpatterns: Patterns = [
    path("sign-in", account.login, name="account_login"),
    path("sign-out", account.logout, name="account_logout"),
    path("sign-up", account.signup, name="account_signup"),
    path("inactive", account.account_inactive, name="account_inactive"),
    path("reauthenticate", account.reauthenticate, name="account_reauthenticate"),
    path("password/reset", account.password_reset, name="account_reset_password"),
    path("password/reset/sent", account.password_reset_done, name="account_reset_password_done"),
    path(
        "password/reset/key/done",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("invitation/<uuid:invitation_id>.<str:secret>", views.invitation, name="invitation"),
]

root_urlpatterns: Patterns = [
    path("", views.start, name="start"),
    path("accounts/", include(_sign_in_urlpatterns)),
]
